import { LogCorrupt } from '../storage/log-corrupt.ts'
import { StoreNewer } from '../storage/store-errors.ts'
import type { TransportHandlers } from '../transport/transport.ts'
import type { Timers } from '../world/clock.ts'
import { type Disk, DiskFault, isDiskDamage } from '../world/disk.ts'
import type { StateStore } from '../world/state-store.ts'
import { UnusableData } from './identity.ts'
import type { MachineOptions } from './machine-options.ts'

/**
 * A disk can fail in the middle of anything: a record that was read back is another one, a file
 * cannot be replaced. Whatever a port calls runs behind this guard, so that such a fault ends the
 * node in order, and nothing of a node that failed runs again. Every other exception is ours.
 */
export class Guard {
  readonly #fail: (fault: Error) => void
  #failed = false

  constructor(fail: (fault: Error) => void) {
    this.#fail = fail
  }

  run(work: () => void): void {
    if (this.#failed) return
    try {
      work()
    } catch (error) {
      const isDisk = error instanceof DiskFault || error instanceof LogCorrupt
      if (!isDisk && !(error instanceof UnusableData)) throw error
      this.#failed = true
      this.#fail(error)
    }
  }

  /** All that calls a node, behind this guard; its transport's handlers are to be put there too. */
  ports(options: MachineOptions): MachineOptions {
    const { timers, disk, store } = options
    return {
      ...options,
      timers: this.timers(timers),
      disk: this.disk(disk),
      store: this.store(store)
    }
  }

  timers(timers: Timers): Timers {
    return {
      after: (delayMs, run) => timers.after(delayMs, () => this.run(run)),
      soon: (run) => timers.soon(() => this.run(run))
    }
  }

  handlers(handlers: TransportHandlers): TransportHandlers {
    return {
      hello: () => handlers.hello(),
      up: (link) => this.run(() => handlers.up(link)),
      frame: (peer, frame, channel) => this.run(() => handlers.frame(peer, frame, channel)),
      down: (peer, reason) => this.run(() => handlers.down(peer, reason)),
      dialFailed: (address, failure) => this.run(() => handlers.dialFailed(address, failure))
    }
  }

  disk(disk: Disk): Disk {
    return {
      list: () => disk.list(),
      size: (name) => disk.size(name),
      read: (name, offset, length) => disk.read(name, offset, length),
      open: (name) => {
        const file = disk.open(name)
        return {
          append: (bytes) => file.append(bytes),
          sync: (done) => file.sync((fault) => this.run(() => done(fault))),
          close: () => file.close()
        }
      },
      truncate: (name, size) => disk.truncate(name, size),
      settle: (name, from) => disk.settle(name, from),
      remove: (name) => disk.remove(name),
      replace: (name, bytes) => disk.replace(name, bytes),
      space: () => disk.space(),
      syncDirectory: (done) => disk.syncDirectory((fault) => this.run(() => done(fault)))
    }
  }

  store(store: StateStore): StateStore {
    return {
      get: (key) => store.get(key),
      view: () => {
        const view = store.view()
        return {
          page: (range, limit, done) => {
            view.page(range, limit, (fault, entries) => this.run(() => done(fault, entries)))
          },
          release: () => view.release()
        }
      },
      write: (batch, done) => store.write(batch, (fault) => this.run(() => done(fault))),
      compact: (first, last, done) => {
        store.compact(first, last, (fault) => this.run(() => done(fault)))
      },
      space: () => store.space(),
      close: (done) => store.close(() => this.run(done))
    }
  }
}

const FOR_THE_OPERATOR = [UnusableData, LogCorrupt, StoreNewer]

/** Whether a new start would find the same: the operator must act first. */
export const isForTheOperator = (fault: Error): boolean =>
  isDiskDamage(fault) || FOR_THE_OPERATOR.some((type) => fault instanceof type)
