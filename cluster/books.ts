import {
  accountKey,
  type Opening,
  priceOf,
  type Receipt,
  range,
  stockKey,
  tillKey
} from './shop.ts'

/** What stood on all shelves, in all tills and in all accounts at one moment. */
export interface Books {
  readonly stock: readonly number[]
  readonly tills: readonly number[]
  readonly accounts: readonly number[]
}

interface Shown {
  readonly results: readonly ({ readonly value: string } | null)[]
}

const READ_MS_MAX = 30_000

/** All of it in one transaction over HTTP, through the node of `url`. */
export async function booksThrough(url: string, opening: Opening): Promise<Books> {
  const products = range(opening.products)
  const keys = [
    ...products.map(stockKey),
    ...products.map(tillKey),
    ...range(opening.customers).map(accountKey)
  ]
  const response = await fetch(`${url}/v1/txn?timeout=${READ_MS_MAX}`, {
    method: 'POST',
    body: JSON.stringify({ ops: keys.map((get) => ({ get })) })
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  const { results } = (await response.json()) as Shown
  // What is missing is no number, and agrees with nothing.
  const numbers = results.map((one) => Number(one?.value))
  const [tillsAt, accountsAt] = [products.length, 2 * products.length]
  return {
    stock: numbers.slice(0, tillsAt),
    tills: numbers.slice(tillsAt, accountsAt),
    accounts: numbers.slice(accountsAt)
  }
}

/** What books show that all receipts there are do not account for. */
export function faultsOf(books: Books, opening: Opening, receipts: readonly Receipt[]): string[] {
  const faults: string[] = []
  const sold = range(opening.products).map(() => 0)
  for (const { product, pieces } of receipts) sold[product] = (sold[product] ?? 0) + pieces
  for (const [product, pieces] of sold.entries()) {
    const left = books.stock[product] as number
    const paid = books.tills[product] as number
    if (left + pieces !== opening.pieces || left < 0) {
      faults.push(`product ${product}: ${left} left + ${pieces} sold of ${opening.pieces}`)
    }
    if (paid !== pieces * priceOf(product)) {
      faults.push(`product ${product}: ${paid} paid for ${pieces} at ${priceOf(product)}`)
    }
  }
  const money = sum(books.tills) + sum(books.accounts)
  const brought = opening.customers * opening.money
  if (money !== brought) faults.push(`${money} of ${brought} in tills and accounts`)
  if (books.accounts.some((account) => account < 0)) faults.push('an account below zero')
  return faults
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
