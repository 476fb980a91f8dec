/**
 * What this process knows of destinations: whether they answer, and until when they asked for silence. Bounded; what is
 * forgotten is learned again. Others learn of an open breaker by the destination's queue row (parking.ts).
 */
import type { DestinationId } from '@herald/contracts';
import { LRUCache } from 'lru-cache';
import { Breaker, type Sign } from './breaker.js';
import type { Delivery } from './delivery.js';

const DESTINATIONS_AT_MOST = 50_000;
/** A queue was made by who only parked: which settings its breaker judges is not known. */
const UNKNOWN_REVISION = 0;

interface State {
  readonly breaker: Breaker;
  /** Of the settings that the breaker judges: others start with a closed one (semantics 25). */
  revision: number;
  silentUntilMs: number;
  silentRevision: number;
}

export interface BreakerListener {
  opened(delivery: Delivery, revision: number): void;
  closed(destinationId: DestinationId): void;
}

export class DestinationStates {
  private readonly states = new LRUCache<DestinationId, State>({ max: DESTINATIONS_AT_MOST });
  private readonly openOnes = new Set<DestinationId>();
  private listener: BreakerListener = { opened: () => {}, closed: () => {} };

  /** `nowMs` is monotonic. */
  constructor(private readonly nowMs: () => number) {}

  listen(listener: BreakerListener): void {
    this.listener = listener;
  }

  knows(id: DestinationId): boolean {
    return this.states.has(id);
  }

  /** Those whose breaker this process holds for open. */
  get open(): readonly DestinationId[] {
    return [...this.openOnes];
  }

  isOpen(id: DestinationId, revision: number): boolean {
    const state = this.states.get(id);
    if (!state?.breaker.isOpen) return false;
    if (revision <= state.revision || state.revision === UNKNOWN_REVISION) return true;
    // New settings start with a closed breaker.
    state.revision = revision;
    this.close(id);
    this.listener.closed(id);
    return false;
  }

  record(delivery: Delivery, revision: number, sign: Sign): void {
    const { destinationId } = delivery;
    const state = this.of(destinationId, revision);
    if (state.revision !== revision) {
      // An answer to former settings says nothing of these; one to newer settings begins anew.
      if (revision < state.revision) return;
      state.revision = revision;
      this.close(destinationId);
    }
    const change = state.breaker.record(sign, this.nowMs());
    if (change === 'opened') {
      this.openOnes.add(destinationId);
      this.listener.opened(delivery, revision);
    } else if (change === 'closed') {
      this.openOnes.delete(destinationId);
      this.listener.closed(destinationId);
    }
  }

  /** Another process has opened it; only its listener knows better. */
  markOpen(id: DestinationId, revision: number): void {
    const state = this.of(id, revision);
    state.revision = Math.max(state.revision, revision);
    state.breaker.open(this.nowMs());
    this.openOnes.add(id);
  }

  /** It was seen working elsewhere. */
  close(id: DestinationId): void {
    this.states.get(id)?.breaker.close();
    this.openOnes.delete(id);
  }

  silence(id: DestinationId, revision: number, forMs: number): void {
    const state = this.of(id, revision);
    if (revision < state.silentRevision) return;
    if (revision > state.silentRevision) state.silentUntilMs = 0;
    state.silentRevision = revision;
    state.silentUntilMs = Math.max(state.silentUntilMs, this.nowMs() + forMs);
  }

  /** Milliseconds until it may be called again; 0 where it may now. Silence was said to the settings of then, not to newer ones. */
  silentForMs(id: DestinationId, revision: number): number {
    const state = this.states.get(id);
    return state && revision <= state.silentRevision ? Math.max(0, state.silentUntilMs - this.nowMs()) : 0;
  }

  private of(id: DestinationId, revision: number): State {
    let state = this.states.get(id);
    if (!state) {
      state = { breaker: new Breaker(), revision, silentUntilMs: 0, silentRevision: 0 };
      this.states.set(id, state);
    }
    return state;
  }
}
