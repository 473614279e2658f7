//! Tells the pipeline system that runs this which texts are secret, so that it masks them in the logs of everything that
//! follows. Must not write such a line anywhere else: there it would only show the secret.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::env::Env;
use super::secret::{SHORTEST, written};

/// A stream that others write to as well.
pub(super) type Shared = Arc<Mutex<Box<dyn Write + Send>>>;

/// A pipeline system that masks what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    GitHub,
    Azure,
}

impl Runner {
    fn find(env: &Env) -> Option<Self> {
        match () {
            () if env.get("GITHUB_ACTIONS") == Some("true") => Some(Self::GitHub),
            () if env.get("TF_BUILD").is_some_and(|value| value.eq_ignore_ascii_case("true")) => {
                Some(Self::Azure)
            }
            () => None,
        }
    }

    /// The commands that have `word`, which is one line, masked.
    fn commands(self, word: &str) -> Vec<String> {
        match self {
            Self::GitHub => vec![format!("::add-mask::{}", word.replace('%', "%25").replace('\r', "%0D"))],
            Self::Azure => {
                // An agent may be told not to decode, and then knows the word only as it is.
                let word = word.replace('\r', "%0D");
                let encoded = word.replace('%', "%AZP25");
                let plain = (word != encoded).then(|| word.clone());
                let words = std::iter::once(encoded).chain(plain);
                words.map(|word| format!("##vso[task.setsecret]{word}")).collect()
            }
        }
    }
}

/// Announces secrets on a stream.
pub(super) struct Announcer {
    runner: Runner,
    stream: Shared,
    announced: Mutex<BTreeSet<String>>,
}

impl Announcer {
    /// An announcer to the system that `env` speaks of; `None` where there is none.
    pub(super) fn find(env: &Env, stream: Shared) -> Option<Self> {
        Runner::find(env).map(|runner| Self { runner, stream, announced: Mutex::default() })
    }

    /// Announces `secret` line by line, and what it is written as elsewhere, each once.
    pub(super) fn announce(&self, secret: &str) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let lines =
            secret.lines().map(|line| line.trim_end_matches('\r')).filter(|l| l.chars().count() >= SHORTEST);
        let forms = lines.clone().flat_map(written);
        for word in lines.map(str::to_owned).chain(forms) {
            if announced.insert(word.clone()) {
                self.runner.commands(&word).iter().for_each(|command| {
                    text.push_str(command);
                    text.push('\n');
                });
            }
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // A stream that cannot be written shows nothing that would have to be masked.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::Output;
    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What stands on stderr and stdout after `secrets` were found and talked of.
    fn shown(environment: &[(&str, &str)], secrets: &[&str]) -> (String, String) {
        let (stdout, stderr) = (Buffer::default(), Buffer::default());
        let env: Env = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let output =
            Output::new(Box::new(stdout.clone()), Box::new(stderr.clone()), false, false).announcing(&env);
        for secret in secrets {
            output.redactor.secret(secret).unwrap();
            output.redactor.secret(secret).unwrap();
            output.talk(&format!("talk of {secret}"));
        }
        let text = |buffer: &Buffer| String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        (text(&stderr), text(&stdout))
    }

    #[test]
    fn github_masks_a_secret_before_it_is_talked_of_and_once() {
        let (stderr, stdout) =
            shown(&[("GITHUB_ACTIONS", "true")], &["100%-hunter2", "line one\r\nshort\nline \"two\""]);
        let lines: Vec<&str> = stderr.lines().collect();
        assert_eq!(lines[0], "::add-mask::100%25-hunter2");
        let first = lines.iter().position(|line| *line == "talk of ***").unwrap();
        for expected in ["::add-mask::MTAwJS1odW50ZXIy", "::add-mask::100%2525-hunter2"] {
            assert!(lines[..first].contains(&expected), "{stderr}");
        }
        for expected in [
            "::add-mask::line one",
            "::add-mask::line \"two\"",
            "::add-mask::line \\\"two\\\"",
            "::add-mask::line%2520one",
        ] {
            assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "{expected}: {stderr}");
        }
        assert!(!lines.iter().any(|line| line.ends_with("short")), "{stderr}");
        assert_eq!(stdout, "");
    }

    #[test]
    fn azure_is_told_in_its_own_words() {
        let (stderr, _) = shown(&[("TF_BUILD", "True")], &["100%-hunter2"]);
        let lines: Vec<&str> = stderr.lines().collect();
        assert_eq!(
            lines[..2],
            ["##vso[task.setsecret]100%AZP25-hunter2", "##vso[task.setsecret]100%-hunter2"]
        );
        assert!(!stderr.contains("::add-mask::"), "{stderr}");
    }

    #[test]
    fn elsewhere_nothing_is_announced() {
        for environment in [
            &[][..],
            &[("GITHUB_ACTIONS", "false"), ("TF_BUILD", "0")],
            &[("CI", "true"), ("GITLAB_CI", "true")],
        ] {
            assert_eq!(shown(environment, &["hunter2-hunter2"]), ("talk of ***\n".to_owned(), String::new()));
        }
    }
}
