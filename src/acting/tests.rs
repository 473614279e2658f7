//! The acting phase on a virtual clock: its order, its time, and what people hear. Must not reach the network.
