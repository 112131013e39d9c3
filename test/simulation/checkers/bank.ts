import { explain, type Move } from './bank-explanation.ts'

interface Told {
  readonly client: string
  readonly called: number
  /** Undefined only if the outcome is unknown, and of no meaning then. */
  readonly returned: number | undefined
  /** See Outcome of linearizable.ts. */
  readonly outcome: 'ok' | 'failed' | 'unknown'
}

/** An amount moved from one account to another, or not at all. */
export interface Transfer extends Told, Move {
  readonly type: 'transfer'
}

/** A read of all accounts in one transaction. */
export interface BankRead extends Told {
  readonly type: 'read'
  readonly balances: Balances
}

export type Balances = ReadonlyMap<string, number>

export interface Bank {
  /** Before the first transfer; names all accounts. */
  readonly opening: Balances
  /** After everything has ended. */
  readonly closing: Balances
  /** Whether a transfer fails rather than leave less than nothing. */
  readonly isGuarded: boolean
}

/**
 * - `accounts`: not all accounts are there, or others.
 * - `total`: money came or went.
 * - `overdrawn`: less than nothing, though transfers guard it.
 * - `impossible`: a balance that no choice of what may have happened by then gives.
 * - `closing`: no choice of the unknown transfers gives the closing balances.
 * - `undecided`: no choice was found in time. Counts as a fault, because nothing was shown.
 */
export type BankFaultKind =
  | 'accounts'
  | 'total'
  | 'overdrawn'
  | 'impossible'
  | 'closing'
  | 'undecided'

export interface BankFault {
  readonly kind: BankFaultKind
  readonly message: string
}

/**
 * Whether transfers between accounts are atomic and none is lost or made twice. A read is held
 * against its sum and, account by account, against what was acknowledged before its call and what
 * may have happened before its return; the closing balances exactly. The fewer transfers are
 * unknown, the more this shows. Which of them a read saw side by side is for `checkListAppend`.
 */
export function checkBank(history: readonly (Transfer | BankRead)[], bank: Bank): BankFault[] {
  const transfers = history.filter((one) => one.type === 'transfer')
  for (const transfer of transfers) insistOnSense(transfer, bank)
  const accounts = [...bank.opening].map(([name, opening]) => new Account(name, opening, transfers))
  const reads = history
    .filter((one) => one.type === 'read')
    .filter(({ outcome }) => outcome === 'ok')
  return [
    ...reads.flatMap((read) => judgeRead(read, bank, accounts)),
    ...judgeClosing(transfers, bank)
  ]
}

function insistOnSense(transfer: Transfer, { opening }: Bank): void {
  const { from, to, amount, outcome, called, returned } = transfer
  const isSense = amount > 0 && from !== to && opening.has(from) && opening.has(to)
  const hasTime = outcome !== 'ok' || Number(returned) >= called
  if (!isSense || !hasTime) throw new Error(`no transfer: ${JSON.stringify(transfer)}`)
}

/** What may be said of the balance of one account at any time. */
class Account {
  readonly name: string
  readonly #opening: number
  readonly #calledIn: Sums
  readonly #calledOut: Sums
  readonly #sureIn: Sums
  readonly #sureOut: Sums

  constructor(name: string, opening: number, transfers: readonly Transfer[]) {
    const possible = transfers.filter(({ outcome }) => outcome !== 'failed')
    const sure = transfers.filter(({ outcome }) => outcome === 'ok')
    this.name = name
    this.#opening = opening
    this.#calledIn = new Sums(
      possible.filter(({ to }) => to === name),
      ({ called }) => called
    )
    this.#calledOut = new Sums(
      possible.filter(({ from }) => from === name),
      ({ called }) => called
    )
    this.#sureIn = new Sums(
      sure.filter(({ to }) => to === name),
      ({ returned }) => Number(returned)
    )
    this.#sureOut = new Sums(
      sure.filter(({ from }) => from === name),
      ({ returned }) => Number(returned)
    )
  }

  /** The least and the most that a read called and returned then can show. */
  bounds(called: number, returned: number): readonly [least: number, most: number] {
    return [
      this.#opening + this.#sureIn.before(called) - this.#calledOut.until(returned),
      this.#opening + this.#calledIn.until(returned) - this.#sureOut.before(called)
    ]
  }
}

/** Amounts by time. */
class Sums {
  readonly #times: readonly number[]
  /** `#sums[i]` is that of the first i. */
  readonly #sums: readonly number[]

  constructor(transfers: readonly Transfer[], timeOf: (transfer: Transfer) => number) {
    const sorted = transfers.toSorted((a, b) => timeOf(a) - timeOf(b))
    const sums = [0]
    for (const { amount } of sorted) sums.push((sums.at(-1) as number) + amount)
    this.#times = sorted.map(timeOf)
    this.#sums = sums
  }

  before(time: number): number {
    return this.#sumWhere((at) => at < time)
  }

  until(time: number): number {
    return this.#sumWhere((at) => at <= time)
  }

  /** Requires: true of the first ones only. */
  #sumWhere(isEarly: (at: number) => boolean): number {
    let low = 0
    let high = this.#times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isEarly(this.#times[middle] as number)) low = middle + 1
      else high = middle
    }
    return this.#sums[low] as number
  }
}

function judgeRead(read: BankRead, bank: Bank, accounts: readonly Account[]): BankFault[] {
  const { client, called, returned, balances } = read
  if (returned === undefined || returned < called) {
    throw new Error(`an answer without a time: ${JSON.stringify(read)}`)
  }
  const name = `the read of ${client} [${called}, ${returned}]`
  const faults = judgeBalances(name, balances, bank)
  for (const account of accounts) {
    const balance = balances.get(account.name)
    const [least, most] = account.bounds(called, returned)
    if (balance === undefined || (balance >= least && balance <= most)) continue
    const message = `${name} shows ${account.name} at ${balance}, not in ${least} … ${most}`
    faults.push({ kind: 'impossible', message })
  }
  return faults
}

function judgeBalances(name: string, balances: Balances, bank: Bank): BankFault[] {
  const faults: BankFault[] = []
  const shown = [...balances].map(([account, balance]) => `${account} ${balance}`).join(', ')
  for (const account of new Set([...bank.opening.keys(), ...balances.keys()])) {
    if (bank.opening.has(account) && balances.has(account)) continue
    const message = `${name}: ${account} is ${balances.has(account) ? 'new' : 'missing'}`
    faults.push({ kind: 'accounts', message })
  }
  const [total, expected] = [totalOf(balances), totalOf(bank.opening)]
  if (faults.length === 0 && total !== expected) {
    faults.push({ kind: 'total', message: `${name}: ${total} of ${expected}: ${shown}` })
  }
  for (const [account, balance] of balances) {
    if (!bank.isGuarded || balance >= 0) continue
    faults.push({ kind: 'overdrawn', message: `${name}: ${account} at ${balance}` })
  }
  return faults
}

function judgeClosing(transfers: readonly Transfer[], bank: Bank): BankFault[] {
  const { opening, closing } = bank
  const faults = judgeBalances('the closing balances', closing, bank)
  if (faults.some(({ kind }) => kind !== 'overdrawn')) return faults
  const missing = new Map<string, number>()
  const add = (account: string, by: number): void => {
    missing.set(account, (missing.get(account) ?? 0) + by)
  }
  for (const [account, balance] of closing) add(account, balance)
  for (const [account, balance] of opening) add(account, -balance)
  for (const { outcome, from, to, amount } of transfers) {
    if (outcome !== 'ok') continue
    add(from, amount)
    add(to, -amount)
  }
  const unknown = transfers.filter(({ outcome }) => outcome === 'unknown')
  const result = explain(missing, unknown)
  if (result === 'explained') return faults
  const off = [...missing].filter(([, by]) => by !== 0).map(([name, by]) => `${name} by ${by}`)
  const message = `the closing balances are off: ${off.join(', ')}; ${unknown.length} are unknown`
  return [...faults, { kind: result === 'unexplained' ? 'closing' : 'undecided', message }]
}

const totalOf = (balances: Balances): number =>
  [...balances.values()].reduce((total, balance) => total + balance, 0)
