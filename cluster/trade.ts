import { progress } from './progress.ts'
import { type Order, type Placed, priceOf, range, type Shop } from './shop.ts'

/** Orders under way at once. */
const LANES = 24

/** What is to happen when a part of all orders, 0 to 1, are through. */
export interface Incident {
  readonly at: number
  readonly run: () => Promise<void>
}

export interface Traded {
  /** By the ids of the orders. */
  readonly answers: readonly Placed[]
  readonly ms: number
  readonly longestMs: number
  /** How often stock and till of a product were looked at meanwhile, and did not agree. */
  readonly looks: number
  readonly disagreed: number
}

/** Places all orders, and runs each incident in its time; resolves when all of it is over. */
export async function trade(
  shop: Shop,
  orders: readonly Order[],
  incidents: readonly Incident[]
): Promise<Traded> {
  const bar = progress('ordering', orders.length)
  const began = performance.now()
  const answers: Placed[] = []
  const running: Promise<void>[] = []
  const due = incidents.map(({ at, run }) => ({ from: Math.ceil(orders.length * at), run }))
  const source = orders.values()
  let through = 0
  let longestMs = 0
  const lane = async (): Promise<void> => {
    for (const order of source) {
      const sent = performance.now()
      answers[order.id] = await shop.place(order)
      longestMs = Math.max(longestMs, performance.now() - sent)
      bar.update(++through)
      for (const { from, run } of due) if (from === through) running.push(run())
    }
  }
  const all = Promise.all(range(LANES).map(lane))
  const [looked] = await Promise.all([watch(shop, all), all])
  const ms = performance.now() - began
  await Promise.all(running)
  bar.stop()
  return { answers, ms, longestMs, ...looked }
}

/** Looks at one product after the other until `end`. */
async function watch(
  shop: Shop,
  end: Promise<unknown>
): Promise<Pick<Traded, 'looks' | 'disagreed'>> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  end.then(over, over)
  let looks = 0
  let disagreed = 0
  while (!isOver) {
    const { missing, paid, product } = await shop.look(looks++)
    if (paid !== missing * priceOf(product)) disagreed++
  }
  return { looks, disagreed }
}
