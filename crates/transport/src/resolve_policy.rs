//! How writes in doubt are resolved.

use std::time::Duration;

/// When the list that shows whether a write took effect is read, counted from the moment the write came into doubt.
pub(crate) const PROBE_DELAYS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// How writes in doubt are resolved. See [`Resolver`](crate::Resolver).
///
/// ```
/// use drillmaster_transport::ResolvePolicy;
/// use std::time::Duration;
///
/// let longer = ResolvePolicy { probe_for: Duration::from_secs(300), ..ResolvePolicy::default() };
/// assert_eq!(longer.effect_within, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvePolicy {
    /// How long after a request without a clear answer its effect may still appear. `None` is what the endpoint
    /// declares.
    pub effect_within: Option<Duration>,
    /// How long to probe for a write before it is left in doubt. The default is 30 seconds.
    pub probe_for: Duration,
    /// Whether to wait for the horizon, however far away it is.
    pub wait: bool,
    /// Whether to repeat a write after its horizon although nothing proves that it is absent. Only a person who has
    /// checked can know that this is right.
    pub repeat_unproven: bool,
}

impl Default for ResolvePolicy {
    fn default() -> Self {
        let [.., last] = PROBE_DELAYS;
        Self { effect_within: None, probe_for: last, wait: false, repeat_unproven: false }
    }
}
