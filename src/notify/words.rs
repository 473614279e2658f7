//! The words of messages in each language. Must stay a table: no markup, no decisions.

use super::message::{Fact, LinkTo, Status, Subject};
use crate::gate::outcome::{ActionStatus, Outcome};
use crate::policy::notices::{Locale, On};

impl Locale {
    const fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// What sort of message it is.
    pub const fn subject(self, subject: Subject) -> &'static str {
        match subject {
            Subject::Build => self.pick("Build", "构建"),
            Subject::Deployment => self.pick("Deployment", "部署"),
            Subject::Alert => self.pick("Alert", "告警"),
        }
    }

    /// What it says in one word or two.
    pub const fn status(self, status: Status) -> &'static str {
        match status {
            Status::Gate(On::Pass) => self.pick("passed", "验证通过"),
            Status::Gate(On::Alert) => self.pick("passed with alerts", "通过，但有告警"),
            Status::Gate(On::Inconclusive) => self.pick("inconclusive", "无法判定"),
            Status::Gate(On::Rollback) => self.pick("rollback", "判定回滚"),
            Status::Gate(On::Cancelled) => self.pick("cancelled", "已取消"),
            Status::Gate(On::RollbackFailed) => self.pick("ROLLBACK FAILED", "回滚失败"),
            Status::RolledBack => self.pick("rolled back", "已回滚"),
            Status::Success => self.pick("succeeded", "成功"),
            Status::Failed => self.pick("failed", "失败"),
            Status::Running => self.pick("running", "进行中"),
            Status::Cancelled => self.pick("cancelled", "已取消"),
            Status::Critical => self.pick("critical", "严重"),
            Status::Warning => self.pick("warning", "警告"),
            Status::Info => self.pick("info", "提示"),
        }
    }

    /// What happened, in a few words: what a title begins with.
    pub const fn headline(self, subject: Subject, status: Status) -> &'static str {
        match (status, subject) {
            (Status::Gate(On::Pass), _) => self.pick("Deployment passed", "部署验证通过"),
            (Status::Gate(On::Alert), _) => {
                self.pick("Deployment passed with alerts", "部署验证通过，但有告警")
            }
            (Status::Gate(On::Inconclusive), _) => self.pick("Deployment inconclusive", "部署验证无法判定"),
            (Status::Gate(On::Rollback), _) => self.pick("Verdict rollback", "部署验证未通过，判定回滚"),
            (Status::Gate(On::Cancelled), _) => self.pick("Gate cancelled", "部署验证已取消"),
            (Status::Gate(On::RollbackFailed), _) => self.pick("ROLLBACK FAILED", "回滚失败"),
            (Status::RolledBack, _) => self.pick("Rolled back", "已回滚"),
            (Status::Success, Subject::Build) => self.pick("Build succeeded", "构建成功"),
            (Status::Failed, Subject::Build) => self.pick("Build failed", "构建失败"),
            (Status::Running, Subject::Build) => self.pick("Build running", "构建进行中"),
            (Status::Cancelled, Subject::Build) => self.pick("Build cancelled", "构建已取消"),
            (Status::Success, _) => self.pick("Deployment succeeded", "部署成功"),
            (Status::Failed, _) => self.pick("Deployment failed", "部署失败"),
            (Status::Running, _) => self.pick("Deployment running", "部署进行中"),
            (Status::Cancelled, _) => self.pick("Deployment cancelled", "部署已取消"),
            (Status::Critical, _) => self.pick("Critical alert", "严重告警"),
            (Status::Warning, _) => self.pick("Warning", "警告"),
            (Status::Info, _) => self.pick("For information", "通知"),
        }
    }

    /// What stands between a name and its value.
    pub const fn colon(self) -> &'static str {
        self.pick(": ", "：")
    }

    /// What stands between the parts of a sentence.
    pub const fn comma(self) -> &'static str {
        self.pick(", ", "，")
    }

    /// The value of a check, within a sentence.
    pub const fn value(self) -> &'static str {
        self.pick("value", "当前值")
    }

    /// The limit of a check, within a sentence.
    pub const fn limit(self) -> &'static str {
        self.pick("limit", "阈值")
    }

    /// When a check was outside its limits.
    pub fn span(self, from: &str, to: &str) -> String {
        match self {
            _ if from == to => format!("{} {from}", self.pick("breached at", "越限时间")),
            Self::En => format!("breached from {from} to {to}"),
            Self::Zh => format!("越限时段 {from} 至 {to}"),
        }
    }

    /// How many checks came to what.
    pub fn counts(self, counts: &[(Outcome, usize)]) -> String {
        let unit = self.pick("", "项");
        let one =
            |(outcome, count): &(Outcome, usize)| format!("{count} {unit}{}", self.outcome(Some(*outcome)));
        counts.iter().map(one).collect::<Vec<_>>().join(self.comma())
    }

    /// That there are `count` more checks than are told of.
    pub fn more(self, count: usize) -> String {
        match self {
            Self::En if count == 1 => "and 1 more check".to_owned(),
            Self::En => format!("and {count} more checks"),
            Self::Zh => format!("另有 {count} 项检查未列出"),
        }
    }

    /// That the people who follow are called.
    pub const fn calling(self) -> &'static str {
        self.pick("For", "请关注")
    }

    /// The name of a fact.
    pub const fn fact(self, fact: Fact) -> &'static str {
        match fact {
            Fact::Service => self.pick("Service", "服务"),
            Fact::Environment => self.pick("Environment", "环境"),
            Fact::Version => self.pick("Version", "版本"),
            Fact::PreviousVersion => self.pick("Previous version", "上一版本"),
            Fact::DeployedAt => self.pick("Deployed at", "部署时间"),
            Fact::DeployedBy => self.pick("Deployed by", "部署人"),
            Fact::Checks => self.pick("Checks", "检查项"),
            Fact::Policy => self.pick("Policy", "策略"),
            Fact::Duration => self.pick("Duration", "耗时"),
            Fact::Project => self.pick("Project", "项目"),
            Fact::Branch => self.pick("Branch", "分支"),
            Fact::Commit => self.pick("Commit", "提交"),
            Fact::Author => self.pick("Author", "作者"),
            Fact::Build => self.pick("Build", "构建号"),
            Fact::Source => self.pick("Source", "来源"),
            Fact::Metric => self.pick("Metric", "指标"),
            Fact::Value => self.pick("Value", "当前值"),
            Fact::Limit => self.pick("Limit", "阈值"),
            Fact::Time => self.pick("Time", "时间"),
        }
    }

    /// The text of a link or button.
    pub const fn link(self, to: LinkTo) -> &'static str {
        match to {
            LinkTo::Run => self.pick("View run", "查看流水线"),
            LinkTo::Deployment => self.pick("Open service", "打开服务"),
            LinkTo::Report => self.pick("View report", "查看报告"),
            LinkTo::Rollback => self.pick("View rollback", "查看回滚"),
            LinkTo::Runbook => self.pick("Runbook", "处理手册"),
            LinkTo::Dashboard => self.pick("Dashboard", "监控面板"),
            LinkTo::Artifacts => self.pick("Artifacts", "查看产物"),
            LinkTo::Logs => self.pick("Logs", "查看日志"),
        }
    }

    /// What a check came to.
    pub const fn outcome(self, outcome: Option<Outcome>) -> &'static str {
        match outcome {
            Some(Outcome::Passed) => self.pick("passed", "通过"),
            Some(Outcome::Failed) => self.pick("failed", "失败"),
            Some(Outcome::Inconclusive) => self.pick("inconclusive", "无法判定"),
            Some(Outcome::Unfinished) => self.pick("unfinished", "未完成"),
            Some(Outcome::Skipped) => self.pick("skipped", "已跳过"),
            None => self.pick("watched", "观察中"),
        }
    }

    /// How a rollback stands: requested, never done, until its pipeline was followed to a good end.
    pub const fn rollback(self, status: Option<ActionStatus>, ended_well: bool) -> &'static str {
        match status {
            Some(ActionStatus::Confirmed) if ended_well => self.pick("Rolled back", "已回滚"),
            Some(ActionStatus::Confirmed) => self.pick("Rollback requested", "已请求回滚"),
            Some(ActionStatus::Failed) => self.pick("Rollback FAILED", "回滚失败"),
            Some(ActionStatus::Unknown) => self.pick("Rollback UNKNOWN", "回滚状态未知"),
            Some(ActionStatus::Held) => self.pick("Rollback HELD back", "回滚已被拦截"),
            None => self.pick("Rollback being requested", "正在请求回滚"),
        }
    }

    /// The same within a title.
    pub const fn aside(self) -> &'static str {
        self.pick(" (DISARMED)", "（未启用自动处置）")
    }

    /// `DISARMED`, before what disarms.
    pub const fn disarmed(self) -> &'static str {
        self.pick("DISARMED", "未启用自动处置")
    }
}
