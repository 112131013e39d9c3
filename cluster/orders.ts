import { parseArgs } from 'node:util'
import type * as Client from '../src/client/index.ts'
import { booksThrough, faultsOf, sum } from './books.ts'
import { leadersKnown, type NodeProcess } from './nodes.ts'
import { grouped } from './progress.ts'
import { Refused } from './refused.ts'
import { type Opening, type Order, type Placed, range, Shop } from './shop.ts'
import { perform, type Stage } from './stage.ts'
import { type Plan, startNode, startNodes } from './together.ts'
import { type Incident, type Traded, trade } from './trade.ts'

// `npm run demo:orders`: orders at three nodes, each one transaction over several partitions, while
// one of the nodes is killed and comes back. Then what was sold must be paid for, and nothing lost.

const { connect, KeyMeshError } = (await import(
  new URL('../dist/client/index.js', import.meta.url).href
)) as typeof Client

const READY_MS_MAX = 60_000
const NODES = 3
/** Of all orders: how many are through when the last node is killed, and when it comes back. */
const KILL_AT = 0.3
const BACK_AT = 0.6
const PRODUCTS = 100
const CUSTOMERS = 200
const ORDERS_MAX = 1_000_000

async function main(stage: Stage): Promise<number> {
  const orders = ordersOf(asked())
  const shape = { nodes: NODES, replicas: NODES, partitions: 64 }
  const plan: Plan = { data: stage.directory, shape, httpPort: 0, p2pPort: 0 }
  const nodes: NodeProcess[] = []
  stage.add({
    kill: (signal) => nodes.forEach((node) => void node.kill(signal)),
    ended: () => Promise.all(nodes.map((node) => node.ended()))
  })
  const urls = await startNodes(plan, nodes, READY_MS_MAX)
  for (const url of urls) await leadersKnown(url, READY_MS_MAX)
  const kv = await connect({ seeds: await Promise.all(nodes.map((node) => node.listening())) })
  try {
    const shop = new Shop(kv, openingFor(orders), mayPass)
    const back = async (): Promise<void> => {
      urls[NODES - 1] = await restart(plan, nodes)
    }
    const faults = await play(shop, orders, urls, [
      { at: KILL_AT, run: async () => nodes.at(-1)?.kill('SIGKILL') },
      { at: BACK_AT, run: back }
    ])
    for (const fault of faults) console.log(`  ${fault}`)
    console.log(faults.length === 0 ? '\nthe books balance' : '\nthe books do not balance')
    return faults.length === 0 ? 0 : 1
  } finally {
    await kv.close()
  }
}

/** Returns what does not agree when all is over; `urls`: those of the nodes then. */
async function play(
  shop: Shop,
  orders: readonly Order[],
  urls: readonly string[],
  incidents: readonly Incident[]
): Promise<readonly string[]> {
  await shop.open()
  const { pieces, money } = shop.opening
  console.log(
    `${PRODUCTS} products, ${grouped(pieces)} pieces of each; ${CUSTOMERS} customers ` +
      `with ${grouped(money)} each; ${NODES} nodes`
  )
  const traded = await trade(shop, orders, incidents)
  tell(shop, traded)
  return await audit(shop, urls, orders, traded)
}

function asked(): number {
  const { values } = parseArgs({ options: { orders: { type: 'string', default: '10000' } } })
  const orders = Number(values.orders)
  if (/^[1-9]\d{0,6}$/.test(values.orders) && orders <= ORDERS_MAX) return orders
  throw new Refused(`--orders: not a number from 1 to ${ORDERS_MAX}: ${values.orders}`)
}

/** The same ones each time, spread over products and customers. */
function ordersOf(orders: number): readonly Order[] {
  return range(orders).map((id) => ({
    id,
    product: (id * 37 + Math.floor(id / PRODUCTS)) % PRODUCTS,
    customer: (id * 91 + Math.floor(id / CUSTOMERS) * 7) % CUSTOMERS,
    pieces: 1 + (id % 3)
  }))
}

/** Somewhat less than is asked for, two pieces of 12.5 each on average: some are to be refused. */
function openingFor({ length }: readonly Order[]): Opening {
  const pieces = Math.ceil((length * 2 * 0.97) / PRODUCTS)
  const money = Math.ceil((length * 24.5) / CUSTOMERS)
  return { products: PRODUCTS, pieces, customers: CUSTOMERS, money }
}

/** Whether it may succeed later; repeating what is of unknown outcome does no harm here. */
function mayPass(error: unknown): boolean {
  return error instanceof KeyMeshError && (error.retryable || error.outcome === 'unknown')
}

async function restart(plan: Plan, nodes: NodeProcess[]): Promise<string> {
  await nodes[NODES - 1]?.ended()
  const node = startNode(plan, NODES, ['--seed', (await nodes[0]?.listening()) ?? ''])
  nodes[NODES - 1] = node
  return await node.ready(READY_MS_MAX)
}

function tell({ outrun, repeated }: Shop, { answers, ms, longestMs, looks }: Traded): void {
  const told = (answer: Placed): string => grouped(answers.filter((one) => one === answer).length)
  const perSecond = grouped((answers.length / ms) * 1_000)
  console.log(`  ${grouped(answers.length)} orders, ${perSecond} a second, the longest in \
${grouped(longestMs)} ms; node ${NODES} killed (SIGKILL) at ${KILL_AT * 100} %, started again at \
${BACK_AT * 100} %
  ${told('placed')} placed, ${told('no stock')} without stock, ${told('no money')} without money
  ${grouped(outrun)} callbacks ran again, as others were faster at their keys; ${repeated} calls \
were repeated by the demo
  ${grouped(looks)} looks at the stock and the till of a product meanwhile`)
}

/** What does not agree of all that was told, kept, and shown by each node. */
async function audit(
  shop: Shop,
  urls: readonly string[],
  orders: readonly Order[],
  { answers, disagreed }: Traded
): Promise<readonly string[]> {
  const faults = disagreed === 0 ? [] : [`${disagreed} looks at stock and till did not agree`]
  const kept = await shop.receipts(orders)
  for (const [id, receipt] of kept.entries()) {
    const told = answers[id]
    if ((receipt !== undefined) === (told === 'placed')) continue
    faults.push(`order ${id}: told "${told}", and ${receipt ? 'a' : 'no'} receipt`)
  }
  const receipts = kept.filter((one) => one !== undefined)
  const sold = grouped(sum(receipts.map(({ pieces }) => pieces)))
  for (const [i, url] of urls.entries()) {
    const books = await booksThrough(url, shop.opening)
    const [stock, tills, accounts] = [books.stock, books.tills, books.accounts]
      .map(sum)
      .map(grouped)
    console.log(
      `  through node ${i + 1}: ${stock} pieces left + ${sold} sold; ` +
        `${tills} in the tills + ${accounts} with customers`
    )
    for (const fault of faultsOf(books, shop.opening, receipts)) {
      faults.push(`through node ${i + 1}: ${fault}`)
    }
  }
  return faults
}

await perform(main)
