import type { Random } from '../../src/world/random.ts'
import { type BankRead, checkBank, type Transfer } from '../simulation/checkers/bank.ts'
import type { Caller } from './callers.ts'
import type { Fate, Fates } from './fates.ts'
import { insistOnSnapshot, snapshotOnce } from './snapshots.ts'
import type { ClientTransactor, Ran, Request } from './transactors.ts'

const ACCOUNTS = 5
const AMOUNT_MAX = 9

type Deed = Omit<Transfer, 'returned' | 'outcome'>
type Move = Omit<Deed, 'called'>

/** Accounts between which callers move money, blindly or by what they read: none comes or goes. */
export class Accounts {
  readonly #random: Random
  readonly #fates: Fates
  readonly #accounts: readonly string[]
  readonly #transfers: { readonly deed: Deed; readonly fate: Fate }[] = []
  readonly #reads: BankRead[] = []

  constructor(prefix: string, random: Random, fates: Fates) {
    this.#random = random
    this.#fates = fates
    this.#accounts = Array.from({ length: ACCOUNTS }, (_, i) => `${prefix}${i}`)
  }

  /** Makes one transaction; returns its code. */
  one(caller: Caller): Promise<string> {
    const drawn = this.#random.below(8)
    if (drawn < 1) return this.#look(caller)
    const from = this.#random.below(ACCOUNTS)
    const to = (from + 1 + this.#random.below(ACCOUNTS - 1)) % ACCOUNTS
    const amount = 1 + this.#random.below(AMOUNT_MAX)
    const names = { from: this.#accounts[from] as string, to: this.#accounts[to] as string }
    const move = { type: 'transfer', client: caller.name, ...names, amount } as const
    if (drawn < 4) return this.#add(caller, move)
    const { transactor } = caller
    if (transactor.type === 'http' || drawn < 6) return this.#replace(caller, move)
    return this.#interact(transactor, move)
  }

  /** Reads all of them once more; returns why that is not to be had. */
  async settle(caller: Caller): Promise<string[]> {
    const code = await this.#look(caller, insistOnSnapshot)
    return code === '' ? [] : [`the accounts cannot be read on a whole cluster: ${code}`]
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    const opening = new Map(this.#accounts.map((account) => [account, 0]))
    const closing = this.#reads.at(-1)?.balances ?? new Map<string, number>()
    const transfers = this.#transfers.map(({ deed, fate }): Transfer => ({ ...deed, ...fate }))
    const bank = { opening, closing, isGuarded: false }
    return checkBank([...transfers, ...this.#reads], bank).map(({ message }) => message)
  }

  async #look(caller: Caller, take = snapshotOnce): Promise<string> {
    const called = performance.now()
    const { outcome, values, code } = await take(caller, this.#accounts)
    if (outcome !== 'committed') return code
    const balances = new Map(this.#accounts.map((account, i) => [account, Number(values[i] ?? 0)]))
    const read = { type: 'read', client: caller.name, called, returned: performance.now() } as const
    this.#reads.push({ ...read, outcome: 'ok', balances })
    return ''
  }

  /** Whatever is there. */
  async #add(caller: Caller, move: Move): Promise<string> {
    const { from, to, amount } = move
    const ops = [
      { increment: from, by: -amount },
      { increment: to, by: amount }
    ]
    const called = performance.now()
    return this.#note(move, called, await caller.transactor.run({ if: [], ops, else: [] }))
  }

  /** If nothing has moved since it was read. */
  async #replace(caller: Caller, move: Move): Promise<string> {
    const called = performance.now()
    const checks: Request['if'][number][] = []
    const ops: Request['ops'][number][] = []
    for (const [key, by] of changesOf(move)) {
      const asked = { key, call: { type: 'get' }, consistency: 'strong' } as const
      const { outcome, code } = await caller.ask(asked)
      if (outcome.type !== 'ok') return code
      const { answer } = outcome
      const found = answer.type === 'value' ? answer : { value: '0', revision: 0 }
      checks.push({ key, revision: found.revision })
      ops.push({ put: key, value: String(Number(found.value) + by) })
    }
    return this.#note(move, called, await caller.transactor.run({ if: checks, ops, else: [] }))
  }

  async #interact(transactor: ClientTransactor, move: Move): Promise<string> {
    const called = performance.now()
    const ran = await transactor.transaction(async (tx) => {
      for (const [key, by] of changesOf(move)) {
        const balance = Number((await tx.get(key)) ?? 0)
        tx.put(key, String(balance + by))
      }
    })
    return this.#note(move, called, ran)
  }

  #note(move: Move, called: number, ran: Ran): string {
    this.#transfers.push({ deed: { ...move, called }, fate: this.#fates.of(ran) })
    return ran.code
  }
}

const changesOf = ({ from, to, amount }: Move): readonly (readonly [key: string, by: number])[] => [
  [from, -amount],
  [to, amount]
]
