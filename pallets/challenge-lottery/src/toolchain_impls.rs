//! The toolchains with which assignments can be accepted, and the retiring ones.

use alloc::vec::Vec;
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{traits, BlockNumber, ToolchainId};
use sp_runtime::DispatchResult;

use crate::{
	types::{Class, Retiring, Task},
	Config, Error, Event, Pallet, RetiringToolchains, Tallied, Toolchains,
};

impl<T: Config> Pallet<T> {
	/// The toolchains with which assignments can be accepted.
	pub(crate) fn toolchains_accepted() -> Vec<ToolchainId> {
		Toolchains::<T>::get().into_inner()
	}

	/// Whether claims can name `toolchain`, and verifiers keep it: it is accepted, or it retires or
	/// has retired and claims under it may still be open.
	pub(crate) fn is_kept(toolchain: &ToolchainId) -> bool {
		Self::is_listed(toolchain)
			|| RetiringToolchains::<T>::get().iter().any(|entry| entry.toolchain == *toolchain)
	}

	fn is_listed(toolchain: &ToolchainId) -> bool {
		Toolchains::<T>::get().binary_search(toolchain).is_ok()
	}

	/// Takes `toolchain` off the list of retiring ones.
	fn take_retiring(toolchain: &ToolchainId) -> Option<Retiring> {
		let mut retiring = RetiringToolchains::<T>::get();
		let at = retiring.iter().position(|entry| entry.toolchain == *toolchain)?;
		let entry = retiring.remove(at);
		if retiring.is_empty() {
			RetiringToolchains::<T>::kill();
		} else {
			RetiringToolchains::<T>::put(retiring);
		}
		Some(entry)
	}

	/// Governance lists a toolchain; one that is being retired stays.
	pub(crate) fn do_accept_toolchain(toolchain: ToolchainId) -> DispatchResult {
		Toolchains::<T>::try_mutate(|list| {
			let Err(at) = list.binary_search(&toolchain) else {
				return Err(Error::<T>::AlreadyAccepted);
			};
			list.try_insert(at, toolchain).map_err(|_| Error::<T>::TooManyToolchains)
		})?;
		if let Some(entry) = Self::take_retiring(&toolchain) {
			Self::unschedule(Class::Lazy, Task::Toolchain(toolchain), entry.until);
		}
		Self::deposit_event(Event::ToolchainAccepted { toolchain });
		Ok(())
	}

	/// Governance takes a toolchain off the list. Assignments that run on it end at `at`.
	pub(crate) fn do_retire_toolchain(toolchain: ToolchainId, at: BlockNumber) -> DispatchResult {
		let earliest = Self::now().saturating_add(T::RetirementNotice::get());
		ensure!(at >= earliest, Error::<T>::NoticeTooShort);
		Toolchains::<T>::try_mutate(|list| {
			let at = list.binary_search(&toolchain).map_err(|_| Error::<T>::UnknownToolchain)?;
			list.remove(at);
			Ok::<_, Error<T>>(())
		})?;
		// The last claim that can name it is made when the grace of assignments that ended at `at`
		// is over, and lives at most as long as any. A claim whose slash is deferred longer was
		// decided long before.
		let life = T::Parameters::get().longest_claim_life(&T::Timing::get());
		let until = at.saturating_add(T::ClaimGrace::get()).saturating_add(life);
		let until = Self::schedule(Class::Lazy, Task::Toolchain(toolchain), until);
		RetiringToolchains::<T>::try_mutate(|list| {
			list.try_push(Retiring { toolchain, at, until })
				.map_err(|_| Error::<T>::TooManyToolchains)
		})?;
		Self::deposit_event(Event::ToolchainRetired { toolchain, at, until });
		Ok(())
	}

	/// The agenda's step of a toolchain that no open claim can name.
	pub(crate) fn forget_toolchain(toolchain: &ToolchainId) {
		if Self::take_retiring(toolchain).is_some() {
			Tallied::<T>::remove(toolchain);
			Self::deposit_event(Event::ToolchainForgotten { toolchain: *toolchain });
		}
	}
}

impl<T: Config> traits::Toolchains for Pallet<T> {
	fn is_accepted(toolchain: &ToolchainId) -> bool {
		Self::is_listed(toolchain)
	}

	fn is_running(toolchain: &ToolchainId) -> bool {
		let retires_later =
			|entry: &Retiring| entry.toolchain == *toolchain && Self::now() < entry.at;
		Self::is_listed(toolchain) || RetiringToolchains::<T>::get().iter().any(retires_later)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId {
		let toolchain = ToolchainId::repeat_byte(0xbe);
		Toolchains::<T>::put(frame_support::BoundedVec::truncate_from(alloc::vec![toolchain]));
		toolchain
	}
}
