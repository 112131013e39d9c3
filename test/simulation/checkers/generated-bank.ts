import type { Random } from '../../../src/world/random.ts'
import type { Bank, BankRead, Transfer } from './bank.ts'

export interface BankShape {
  readonly accounts: number
  readonly clients: number
  readonly operations: number
  readonly amountMax: number
  readonly isGuarded: boolean
}

type Drawn = {
  readonly operation: Transfer | BankRead
  /** When it takes effect or looks; undefined: never. */
  readonly at: number | undefined
}

/**
 * A bank that is correct by construction: each transfer is made at one instant between its call
 * and its return, or at any time after its call if its outcome is unknown, or not at all; a read
 * looks at one instant. A guarded transfer that asks for too much fails then.
 */
export function correctBank(
  random: Random,
  shape: BankShape
): { readonly bank: Bank; readonly history: (Transfer | BankRead)[] } {
  const names = Array.from({ length: shape.accounts }, (_, i) => `A${i}`)
  const opening = new Map(names.map((name) => [name, random.below(20)]))
  const balances = new Map(opening)
  const drawn = draw(random, shape, names)
  const outcomes = new Map<Drawn, Transfer | BankRead>()
  const inTime = drawn.filter(({ at }) => at !== undefined)
  for (const one of inTime.sort((a, b) => Number(a.at) - Number(b.at))) {
    outcomes.set(one, take(balances, one.operation, shape.isGuarded))
  }
  const history = drawn.map((one) => outcomes.get(one) ?? one.operation)
  return { bank: { opening, closing: balances, isGuarded: shape.isGuarded }, history }
}

function draw(random: Random, shape: BankShape, names: readonly string[]): Drawn[] {
  const free = new Array<number>(shape.clients).fill(0)
  return Array.from({ length: shape.operations }, (): Drawn => {
    const who = random.below(shape.clients)
    const called = (free[who] as number) + random.below(4)
    const returned = called + random.below(12)
    free[who] = returned
    const at = called + ((returned - called) * random.below(1000)) / 1000
    const told = { client: `c${who}`, called, returned, outcome: 'ok' } as const
    if (random.below(3) === 0) {
      return { operation: { type: 'read', ...told, balances: new Map() }, at }
    }
    const from = random.below(names.length)
    const to = (from + 1 + random.below(names.length - 1)) % names.length
    const amount = 1 + random.below(shape.amountMax)
    const accounts = { from: names[from] as string, to: names[to] as string }
    const transfer: Transfer = { type: 'transfer', ...told, ...accounts, amount }
    const fate = random.below(6)
    if (fate === 0) return { operation: { ...transfer, outcome: 'failed' }, at: undefined }
    if (fate > 1) return { operation: transfer, at }
    const isMade = random.below(2) === 0
    return {
      operation: { ...transfer, outcome: 'unknown', returned: undefined },
      at: isMade ? called + random.below(60) : undefined
    }
  })
}

function take(
  balances: Map<string, number>,
  one: Transfer | BankRead,
  isGuarded: boolean
): Transfer | BankRead {
  if (one.type === 'read') return { ...one, balances: new Map(balances) }
  const { from, to, amount, outcome } = one
  const left = (balances.get(from) ?? 0) - amount
  if (isGuarded && left < 0) return outcome === 'ok' ? { ...one, outcome: 'failed' } : one
  balances.set(from, left)
  balances.set(to, (balances.get(to) ?? 0) + amount)
  return one
}
