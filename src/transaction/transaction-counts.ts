import { Histogram } from '../world/histogram.ts'
import type { Told } from './ports.ts'

/** Of one node, since its start. */
export class TransactionCounts {
  started = 0
  committed = 0
  /** By reason. */
  readonly aborted = new Map<string, number>()
  /** Records left by earlier leaders and taken over here. */
  recovered = 0
  /** From the beginning to the last vote, ms. */
  readonly preparedMs = new Histogram()
  /** From there to the decision, ms. */
  readonly decidedMs = new Histogram()
  /** From the decision to the last participant's having heard of it, ms. */
  readonly resolvedMs = new Histogram()

  decided(decision: 'committed' | 'aborted', told: Told): void {
    if (decision === 'committed') this.committed++
    else {
      const known = told.type === 'result' && told.result.type === 'aborted'
      const why = known ? told.result.why : 'ended'
      this.aborted.set(why, (this.aborted.get(why) ?? 0) + 1)
    }
  }
}
