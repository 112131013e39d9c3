import { setTimeout as wait } from 'node:timers/promises'
import type * as Client from '../src/client/index.ts'

/** What a shop opens with. Orders move it from place to place and never change the sums. */
export interface Opening {
  readonly products: number
  /** Of each product. */
  readonly pieces: number
  readonly customers: number
  /** Of each customer. */
  readonly money: number
}

/** Its id makes it findable: it is placed once, or not at all. */
export interface Order {
  readonly id: number
  readonly product: number
  readonly customer: number
  readonly pieces: number
}

/** What is kept of an order that was placed. */
export interface Receipt {
  readonly product: number
  readonly pieces: number
  readonly paid: number
}

/** `no stock`, `no money`: it was refused, and nothing was written. */
export type Placed = 'placed' | 'no stock' | 'no money'

/** What is missing on the shelf of a product, and what was paid for it, at one moment. */
interface Look {
  readonly product: number
  readonly missing: number
  readonly paid: number
}

/** Receipts read at once. */
const BATCH_MAX = 500
/** Before another try of what failed: an election takes about a second. */
const PAUSE_MS = 100
/** In a row: a partition without a majority for so long will hardly get one. */
const TRIES_MAX = 100

export const stockKey = (product: number): string => `stock:${product}`
export const tillKey = (product: number): string => `till:${product}`
export const accountKey = (customer: number): string => `account:${customer}`
const receiptKey = (order: number): string => `order:${order}`

/** Of one piece. */
export const priceOf = (product: number): number => 3 + (product % 20)

/**
 * A shop whose stock, tills, accounts and receipts lie in whatever partitions their keys hash to,
 * and are changed together or not at all.
 */
export class Shop {
  readonly opening: Opening
  /** Tries that were made again: nobody could say what became of them, or they surely failed. */
  repeated = 0
  /** Runs of callbacks that came to nothing: another order was faster at the same keys. */
  outrun = 0
  readonly #kv: Client.KeyMesh
  readonly #passes: (error: unknown) => boolean

  /** `passes`: whether what failed so may succeed later. */
  constructor(kv: Client.KeyMesh, opening: Opening, passes: (error: unknown) => boolean) {
    this.#kv = kv
    this.opening = opening
    this.#passes = passes
  }

  async open(): Promise<void> {
    const { products, pieces, customers, money } = this.opening
    const shelves = range(products).map((i) => ({ put: stockKey(i), value: pieces }))
    const tills = range(products).map((i) => ({ put: tillKey(i), value: 0 }))
    const accounts = range(customers).map((i) => ({ put: accountKey(i), value: money }))
    await this.#kv.batch([...shelves, ...tills, ...accounts])
  }

  /**
   * Stock, payment and receipt in one transaction. It may be tried again even if the outcome is not
   * known: it reads its receipt first, and of two that found none only one commits.
   */
  place(order: Order): Promise<Placed> {
    return this.#patiently(() => this.#kv.transaction((tx) => this.#sell(tx, order)))
  }

  async look(number: number): Promise<Look> {
    const product = number % this.opening.products
    const keys = [stockKey(product), tillKey(product)]
    const [stock = 0, paid = 0] = await this.#patiently(() => this.#kv.getMany<number>(keys))
    return { product, missing: this.opening.pieces - stock, paid }
  }

  /** Of each order; undefined: it has none. */
  async receipts(orders: readonly Order[]): Promise<readonly (Receipt | undefined)[]> {
    const found: (Receipt | undefined)[] = []
    for (let i = 0; i < orders.length; i += BATCH_MAX) {
      const keys = orders.slice(i, i + BATCH_MAX).map(({ id }) => receiptKey(id))
      found.push(...(await this.#patiently(() => this.#kv.getMany<Receipt>(keys))))
    }
    return found
  }

  async #sell(tx: Client.Tx, { id, product, customer, pieces }: Order): Promise<Placed> {
    if (tx.attempt > 1) this.outrun++
    const paid = pieces * priceOf(product)
    const [receipt, stock = 0, money = 0] = await Promise.all([
      tx.get<Receipt>(receiptKey(id)),
      tx.get<number>(stockKey(product)),
      tx.get<number>(accountKey(customer))
    ])
    if (receipt !== undefined) return 'placed'
    if (stock < pieces) return 'no stock'
    if (money < paid) return 'no money'
    tx.put(stockKey(product), stock - pieces)
    tx.put(accountKey(customer), money - paid)
    tx.increment(tillKey(product), paid)
    tx.put(receiptKey(id), { product, pieces, paid } satisfies Receipt)
    return 'placed'
  }

  /** Requires: `run` does no harm the second time. */
  async #patiently<T>(run: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await run()
      } catch (error) {
        if (tries >= TRIES_MAX || !this.#passes(error)) throw error
        this.repeated++
        await wait(PAUSE_MS)
      }
    }
  }
}

export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, i) => i)
}
