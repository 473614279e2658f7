//! The operators of PromQL and the types of its values. Must not hold anything of a particular query.

/// How a label's value is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// What the values of an expression are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// One value a series.
    Vector,
    /// Many values a series.
    Matrix,
    /// A string.
    String,
}

impl ValueType {
    /// The word of Prometheus' documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How it is written.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// An aggregation operator.
    AggregationOp {
        /// The sum.
        Sum = "sum",
        /// The mean.
        Avg = "avg",
        /// The number of series.
        Count = "count",
        /// The smallest.
        Min = "min",
        /// The largest.
        Max = "max",
        /// 1 a group.
        Group = "group",
        /// The standard deviation.
        Stddev = "stddev",
        /// The variance.
        Stdvar = "stdvar",
        /// The k largest.
        Topk = "topk",
        /// The k smallest.
        Bottomk = "bottomk",
        /// Series by value.
        CountValues = "count_values",
        /// The φ-quantile.
        Quantile = "quantile",
        /// Any k series (experimental).
        Limitk = "limitk",
        /// A share of the series (experimental).
        LimitRatio = "limit_ratio",
    }
}

impl AggregationOp {
    /// What the first of its two arguments is; `None` for those that take one.
    pub const fn param(self) -> Option<ValueType> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => {
                Some(ValueType::Scalar)
            }
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }

    /// Whether a flag of the server switches it on.
    pub const fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}

words! {
    /// A binary operator.
    BinaryOp {
        /// `or`
        Or = "or",
        /// `and`
        And = "and",
        /// `unless`
        Unless = "unless",
        /// `==`
        Equal = "==",
        /// `!=`
        NotEqual = "!=",
        /// `<`
        Less = "<",
        /// `<=`
        LessOrEqual = "<=",
        /// `>`
        Greater = ">",
        /// `>=`
        GreaterOrEqual = ">=",
        /// `+`
        Add = "+",
        /// `-`
        Sub = "-",
        /// `*`
        Mul = "*",
        /// `/`
        Div = "/",
        /// `%`
        Mod = "%",
        /// `atan2`
        Atan2 = "atan2",
        /// `^`
        Pow = "^",
        /// `</`: the part of a native histogram below a value (experimental)
        TrimUpper = "</",
        /// `>/`: the part of a native histogram above a value (experimental)
        TrimLower = ">/",
        /// `default`, of MetricsQL
        Default = "default",
        /// `if`, of MetricsQL
        If = "if",
        /// `ifnot`, of MetricsQL
        IfNot = "ifnot",
    }
}

impl BinaryOp {
    /// Whether it compares.
    pub const fn is_comparison(self) -> bool {
        use BinaryOp::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
    }

    /// Whether it works on sets of series.
    pub const fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// How tightly it binds; a larger one binds first.
    pub const fn precedence(self) -> u8 {
        use BinaryOp::{
            Add, And, Atan2, Default, Div, If, IfNot, Mod, Mul, Or, Pow, Sub, TrimLower, TrimUpper, Unless,
        };
        match self {
            Default | If | IfNot => 0,
            Or => 1,
            And | Unless => 2,
            op if op.is_comparison() => 3,
            TrimUpper | TrimLower => 3,
            Add | Sub => 4,
            Mul | Div | Mod | Atan2 => 5,
            Pow => 6,
            _ => 3,
        }
    }
}

impl MatchOp {
    /// How it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    /// Whether its value is a regular expression.
    pub const fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }
}
