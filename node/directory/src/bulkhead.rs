//! The bulkhead of one directory: so many operations at work, so many that wait, and nobody else. A controller that accepts and never
//! answers fills this and nothing beside it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use crate::limits::WAITING_PER_WIDTH;

pub(crate) struct Bulkhead {
    width: usize,
    waiting_most: usize,
    /// Places for who is at work or waits.
    inside: Semaphore,
    /// Places for who is at work.
    working: Semaphore,
    refused: AtomicU64,
}

/// Who holds this is at work.
pub(crate) struct Place<'a> {
    _inside: SemaphorePermit<'a>,
    _working: SemaphorePermit<'a>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait as may.
    Full,
    /// It was not one's turn before the deadline.
    TimedOut,
}

/// How full a directory's bulkhead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Operations at work.
    pub working: usize,
    /// Operations that wait for a place.
    pub waiting: usize,
    /// How many may work at once.
    pub width: usize,
    /// Refused because everything was full, since the start.
    pub refused_total: u64,
}

impl Bulkhead {
    pub(crate) fn new(width: usize) -> Self {
        let waiting_most = width * WAITING_PER_WIDTH;
        Self {
            width,
            waiting_most,
            inside: Semaphore::new(width + waiting_most),
            working: Semaphore::new(width),
            refused: AtomicU64::new(0),
        }
    }

    /// In the order of arrival.
    pub(crate) async fn enter(&self, deadline: Instant) -> Result<Place<'_>, NoPlace> {
        let inside = self.inside.try_acquire().map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            NoPlace::Full
        })?;
        // Closed semaphores do not exist here, so there is a place or it is too late.
        match timeout_at(deadline, self.working.acquire()).await {
            Ok(Ok(working)) => Ok(Place {
                _inside: inside,
                _working: working,
            }),
            Ok(Err(_)) | Err(_) => Err(NoPlace::TimedOut),
        }
    }

    pub(crate) fn load(&self) -> Load {
        let working = self.width - self.working.available_permits();
        let inside = self.width + self.waiting_most - self.inside.available_permits();
        Load {
            working,
            waiting: inside.saturating_sub(working),
            width: self.width,
            refused_total: self.refused.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_too_many_is_told_at_once() {
        let bulkhead = Bulkhead::new(1);
        let deadline = Instant::now() + Duration::from_secs(5);
        let place = bulkhead.enter(deadline).await.ok();
        let waiting = futures_of(&bulkhead, deadline, WAITING_PER_WIDTH);
        let mut waiting = std::pin::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there was no place"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(bulkhead.load().waiting, WAITING_PER_WIDTH);
        assert_eq!(bulkhead.enter(deadline).await.err(), Some(NoPlace::Full));
        assert_eq!(bulkhead.load().refused_total, 1);
        assert!(waiting.await.iter().all(|error| *error == Some(NoPlace::TimedOut)));
        assert_eq!(Instant::now(), deadline);
        drop(place);
        assert_eq!((bulkhead.load().working, bulkhead.load().waiting), (0, 0));
        assert!(bulkhead.enter(deadline + Duration::from_secs(1)).await.is_ok());
    }

    /// So many that wait together.
    async fn futures_of(bulkhead: &Bulkhead, deadline: Instant, count: usize) -> Vec<Option<NoPlace>> {
        let mut entering: Vec<_> = (0..count).map(|_| Box::pin(bulkhead.enter(deadline))).collect();
        let mut done = vec![None; count];
        let mut left = count;
        std::future::poll_fn(|context| {
            for (at, future) in entering.iter_mut().enumerate() {
                if done[at].is_none()
                    && let std::task::Poll::Ready(entered) = future.as_mut().poll(context)
                {
                    done[at] = Some(entered.err());
                    left -= 1;
                }
            }
            if left == 0 {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        done.into_iter().flatten().collect()
    }
}
