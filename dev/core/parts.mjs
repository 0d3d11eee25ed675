// Core books in parts: the items of a batch, the legs of a transaction, the rows of a refund, the holds of a commit,
// one after the other. Each part waits for its balances, can fail by itself, and is not begun once the caller has gone
// away.

import { trackLineage } from "./lineage.mjs";
import { record, resolveBalance } from "./postings.mjs";

/** The parts of one request, or of work that goes on without one. */
export class Run {
  #begun = 0;

  /**
   * @param {object} core
   * @param {{ signal?: AbortSignal, hooked?: boolean }} [options] `signal` ends the run when its caller goes away;
   *   work of the queue is not `hooked`: it belongs to no request
   */
  constructor(core, { signal, hooked = true } = {}) {
    this.core = core;
    this.signal = signal;
    this.hooked = hooked;
  }

  /** Lets a test delay a part or fail it. */
  async begin(txn) {
    const index = this.#begun;
    this.#begun += 1;
    if (this.hooked) await this.core.beforeBooking?.(txn, index);
  }

  /**
   * Books one part.
   * @returns {Promise<object>} the row that was stored
   */
  async book(txn) {
    const { core } = this;
    txn.source = resolveBalance(core.store, txn.source, txn.currency);
    txn.destination = resolveBalance(core.store, txn.destination, txn.currency);
    await this.begin(txn);
    await core.locks.wait([txn.source, txn.destination], core.lockWaitMs, this.signal);
    const row = record(core.store, txn);
    trackLineage(core, row);
    return row;
  }
}
