//! Replicated time is never ahead of the true time by more than the tolerance for clocks, whichever clock is wrong and whoever leads.

use quorate_raft::limits::CLOCK_TOLERANCE_MS;

use crate::clock::BEGIN_MS;
use crate::world::World;

/// Clocks within the tolerance shift the median a little, and a probe measures no better than half a round trip.
const ALLOWANCE_MS: u64 = 2_500;

pub fn look(world: &World) -> Result<(), String> {
    let latest_ms = BEGIN_MS + world.now_ms() + CLOCK_TOLERANCE_MS + ALLOWANCE_MS;
    for host in &world.hosts {
        let Some(parts) = host.parts() else { continue };
        let stamp_ms = parts.published.state().stamp().ms;
        if stamp_ms > latest_ms {
            return Err(format!("node {} is {} ms ahead of it", host.id, stamp_ms - latest_ms));
        }
    }
    Ok(())
}
