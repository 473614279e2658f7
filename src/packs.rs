//! The policies that the binary brings along: each is a file of `policies/` and one entry here. Must not read
//! files or fill in variables; `cli::init` makes a policy of one's own out of a pack.

use crate::policy::problem::did_you_mean;

/// A shipped policy.
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    /// Its name, which is its file's.
    pub name: &'static str,
    /// What it watches, in a few words.
    pub summary: &'static str,
    /// The policy.
    pub text: &'static str,
}

macro_rules! packs {
    ($($name:literal: $summary:literal,)+) => {
        &[$(Pack { name: $name, summary: $summary, text: include_str!(concat!("../policies/", $name, ".yaml")) }),+]
    };
}

/// All packs: services first, then what they run on, then what they use.
pub const PACKS: &[Pack] = packs! {
    "post-deployment": "an HTTP service: up, errors, response time, and health checks by HTTP and TCP",
    "http-red": "an HTTP service: rate, errors and duration of its requests",
    "grpc": "a gRPC service: rate, errors and duration of its calls",
    "slo-burn-rate": "an HTTP service: how fast it burns its error budget",
    "jvm-micrometer": "a JVM service: requests, garbage collection, heap, database connections (Micrometer)",
    "go-runtime": "a Go service: restarts, goroutines, heap, open files",
    "celery": "Celery workers: failed tasks, queue, runtime (celery-exporter)",
    "kafka-consumer": "a Kafka consumer group: lag, its growth, members (kafka_exporter)",
    "kubernetes-workload": "a Deployment: replicas, restarts, OOM kills, stuck containers (kube-state-metrics)",
    "nginx-ingress": "a service behind ingress-nginx: errors, time, configuration",
    "envoy": "a service behind Envoy: errors, time, healthy hosts",
    "istio": "a workload in an Istio mesh: errors, time, and what its callers see",
    "linkerd": "a deployment in a Linkerd mesh: errors, time, and what its callers see",
    "blackbox": "a public address: success, time and certificate of probes (blackbox exporter)",
    "node-exporter": "hosts: memory, OOM kills, disk, processor (node_exporter)",
    "postgres": "a PostgreSQL: connections, rollbacks, deadlocks, long transactions (postgres_exporter)",
    "mysql": "a MySQL or MariaDB: connections, threads, slow queries (mysqld_exporter)",
    "redis": "a Redis or Valkey: clients, memory, evictions, hit ratio (redis_exporter)",
    "rabbitmq": "a RabbitMQ queue: consumers, backlog, unroutable and repeated messages",
};

/// The pack called `name`.
///
/// # Errors
/// What was meant, or where the names are told.
pub fn find(name: &str) -> Result<&'static Pack, String> {
    PACKS.iter().find(|pack| pack.name == name).ok_or_else(|| {
        let lower = name.to_lowercase();
        let part = PACKS.iter().find(|pack| lower.len() > 2 && pack.name.contains(&lower));
        let near = did_you_mean(name, PACKS.iter().map(|pack| pack.name))
            .or_else(|| part.map(|pack| format!("did you mean `{}`?", pack.name)));
        let help = near.unwrap_or_else(|| "`rollgate packs` lists them".to_owned());
        format!("there is no pack `{}`\nhelp: {help}", crate::policy::node::shorten(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_folder_agree() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
        files.sort();
        let mut names: Vec<&str> = PACKS.iter().map(|pack| pack.name).collect();
        names.sort_unstable();
        let found: Vec<&str> = files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
        assert_eq!(found, names);
    }

    #[test]
    fn a_misspelt_name_is_told_what_was_meant() {
        assert!(find("postgresql").unwrap_err().ends_with("did you mean `postgres`?"));
        assert!(find("Kafka").unwrap_err().ends_with("did you mean `kafka-consumer`?"));
        assert!(find("cobol").unwrap_err().ends_with("`rollgate packs` lists them"));
        assert_eq!(find("envoy").unwrap().name, "envoy");
    }
}
