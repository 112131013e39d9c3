import type { Bank, BankFaultKind, BankRead, Transfer } from './bank.ts'

/** A history of a bank, and what must be said of it. */
export interface PlantedBank {
  readonly name: string
  readonly history: string
  /** The kinds of fault, each once, sorted. */
  readonly faults: readonly BankFaultKind[]
}

// A history in lines; a bank is guarded if its first line says so:
//
//   open A=5 B=5 guarded     before the first transfer
//   a 0-1 A>B 3              moves 3 from A to B
//   a 0-  A>B 3 ?            nobody knows what became of it
//   a 0-1 A>B 3 !            it surely took no effect
//   b 2-3 A=2 B=8            reads all accounts
//   close A=2 B=8            after everything has ended

const ENDS = /^(open|close)((?: \w+=-?\d+)*)( guarded)?$/
const TRANSFER = /^(\w+) (\d+)-(\d*) +(\w+)>(\w+) (\d+)( [?!])?$/
const READ = /^(\w+) (\d+)-(\d+)((?: +\w+=-?\d+)*)$/

export function parseBank(text: string): {
  readonly bank: Bank
  readonly history: (Transfer | BankRead)[]
} {
  let bank: Bank = { opening: new Map(), closing: new Map(), isGuarded: false }
  const history: (Transfer | BankRead)[] = []
  for (const line of text.split('\n').map((one) => one.trim())) {
    const [ends, transfer, read] = [ENDS.exec(line), TRANSFER.exec(line), READ.exec(line)]
    if (ends !== null) {
      const [, end, list = '', guarded] = ends
      bank =
        end === 'close'
          ? { ...bank, closing: balances(list) }
          : { ...bank, opening: balances(list), isGuarded: guarded !== undefined }
    } else if (transfer !== null) history.push(parseTransfer(transfer))
    else if (read !== null) {
      const [, client = '', called, returned, list = ''] = read
      const times = { called: Number(called), returned: Number(returned) }
      history.push({ type: 'read', client, ...times, outcome: 'ok', balances: balances(list) })
    } else if (line !== '') throw new Error(`not a line of a bank: ${line}`)
  }
  return { bank, history }
}

function parseTransfer(parts: readonly (string | undefined)[]): Transfer {
  const [, client = '', called, returned, from = '', to = '', amount, mark] = parts
  return {
    type: 'transfer',
    client,
    called: Number(called),
    returned: returned === '' ? undefined : Number(returned),
    outcome: mark === undefined ? 'ok' : mark === ' ?' ? 'unknown' : 'failed',
    from,
    to,
    amount: Number(amount)
  }
}

function balances(list: string): Map<string, number> {
  const words = list.split(' ').filter((word) => word !== '')
  return new Map(
    words.map((word) => {
      const [account = '', balance] = word.split('=')
      return [account, Number(balance)]
    })
  )
}

const plant =
  (...faults: readonly BankFaultKind[]) =>
  (name: string, history: string): PlantedBank => ({ name, history, faults })

const ACCOUNTS = plant('accounts')
const TOTAL = plant('total')
const OVERDRAWN = plant('overdrawn')
const IMPOSSIBLE = plant('impossible')
const CLOSING = plant('closing')

/** Histories that no bank which keeps its promise can have. */
export const BAD_BANKS: readonly PlantedBank[] = [
  ACCOUNTS('a read lacks an account', 'open A=5 B=0\n a 0-1 A=5\n close A=5 B=0'),
  ACCOUNTS('a read shows another account', 'open A=5\n a 0-1 A=5 B=0\n close A=5'),
  ACCOUNTS('an account is gone in the end', 'open A=5 B=5\n close A=10'),
  TOTAL('half of a transfer is seen', 'open A=5 B=5\n a 0-9 A>B 3\n b 1-2 A=2 B=5\n close A=2 B=8'),
  TOTAL(
    'the other half of a transfer is seen',
    'open A=5 B=5\n a 0-9 A>B 3\n b 1-2 A=5 B=8\n close A=2 B=8'
  ),
  TOTAL('half of a transfer is made', 'open A=5 B=5\n a 0-1 A>B 3\n close A=2 B=5'),
  TOTAL('half of an unknown transfer is made', 'open A=5 B=5\n a 0- A>B 3 ?\n close A=2 B=5'),
  TOTAL(
    'two updates from one balance',
    'open A=5 B=5 C=5\n a 0-9 A>B 1\n b 0-9 C>B 2\n close A=4 B=7 C=3'
  ),
  OVERDRAWN(
    'both took the last',
    'open A=5 B=0 guarded\n a 0-9 A>B 5\n b 0-9 A>B 5\n close A=-5 B=10'
  ),
  OVERDRAWN(
    'below nothing for a while',
    'open A=5 B=9 guarded\n a 0-9 A>B 8\n b 1-2 A=-3 B=17\n c 0-9 B>A 8\n close A=5 B=9'
  ),
  OVERDRAWN('an unknown one took too much', 'open A=5 B=0 guarded\n a 0- A>B 8 ?\n close A=-3 B=8'),
  IMPOSSIBLE(
    'an acknowledged transfer is missing from a read',
    'open A=5 B=5\n a 0-1 A>B 3\n b 2-3 A=5 B=5\n close A=2 B=8'
  ),
  IMPOSSIBLE(
    'a transfer before its call',
    'open A=5 B=5\n b 0-1 A=2 B=8\n a 2-3 A>B 3\n close A=2 B=8'
  ),
  IMPOSSIBLE(
    'a failed one is seen',
    'open A=5 B=5\n a 0-1 A>B 3 !\n b 2-3 A=2 B=8\n close A=5 B=5'
  ),
  IMPOSSIBLE(
    'an unknown one is seen twice',
    'open A=9 B=0\n a 0- A>B 3 ?\n b 2-3 A=3 B=6\n close A=6 B=3'
  ),
  IMPOSSIBLE(
    'too much in one, and the others may have less',
    'open A=5 B=5 C=5\n a 0- B>C 3 ?\n b 1-2 A=8 B=2 C=5\n close A=5 B=5 C=5'
  ),
  IMPOSSIBLE(
    'too little in one, and the others may have more',
    'open A=5 B=5 C=5\n a 0- B>C 3 ?\n b 1-2 A=2 B=5 C=8\n close A=5 B=5 C=5'
  ),
  CLOSING('an acknowledged transfer is lost', 'open A=5 B=5\n a 0-1 A>B 3\n close A=5 B=5'),
  CLOSING('a failed one was made', 'open A=5 B=5\n a 0-1 A>B 3 !\n close A=2 B=8'),
  CLOSING('one was made twice', 'open A=9 B=0\n a 0-1 A>B 3\n close A=3 B=6'),
  CLOSING('an unknown one was made twice', 'open A=9 B=0\n a 0- A>B 3 ?\n close A=3 B=6'),
  CLOSING(
    'no choice of unknown ones is enough',
    'open A=9 B=0\n a 0- A>B 3 ?\n b 0- A>B 4 ?\n close A=4 B=5'
  ),
  CLOSING(
    'a choice for each account, and none for all',
    'open A=9 B=9 C=9 D=9\n a 0- A>B 1 ?\n b 0- C>D 1 ?\n close A=8 B=9 C=9 D=10'
  ),
  CLOSING('money moved of itself', 'open A=5 B=5\n close A=4 B=6')
]

/** The nearest good ones. */
export const GOOD_BANKS: readonly PlantedBank[] = [
  plant()('nothing', ''),
  plant()('a transfer is made', 'open A=5 B=5\n a 0-1 A>B 3\n b 2-3 A=2 B=8\n close A=2 B=8'),
  plant()('one under way, seen', 'open A=5 B=5\n a 0-9 A>B 3\n b 1-2 A=2 B=8\n close A=2 B=8'),
  plant()('one under way, missed', 'open A=5 B=5\n a 0-9 A>B 3\n b 1-2 A=5 B=5\n close A=2 B=8'),
  plant()('at one instant', 'open A=5 B=5\n a 0-1 A>B 3\n b 1-2 A=5 B=5\n close A=2 B=8'),
  plant()('an unknown one is made', 'open A=5 B=5\n a 0- A>B 3 ?\n close A=2 B=8'),
  plant()(
    'an unknown one is made late',
    'open A=5 B=5\n a 0-1 A>B 3 ?\n b 2-3 A=5 B=5\n close A=2 B=8'
  ),
  plant()('an unknown one is not made', 'open A=5 B=5\n a 0- A>B 3 ?\n close A=5 B=5'),
  plant()('a failed one is not made', 'open A=5 B=5 guarded\n a 0-1 A>B 9 !\n close A=5 B=5'),
  plant()('below nothing where nobody guards', 'open A=5 B=5\n a 0-1 A>B 9\n close A=-4 B=14'),
  plant()(
    'some of many unknown ones are made',
    'open A=9 B=9 C=9\n a 0- A>B 2 ?\n b 0- B>C 3 ?\n c 0- A>C 4 ?\n close A=5 B=6 C=16'
  )
]
