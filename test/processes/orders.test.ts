import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// `npm run demo:orders`, without npm, with fewer orders.

const ORDERS = fileURLToPath(new URL('../../cluster/orders.ts', import.meta.url))

async function run(orders: string): Promise<{ readonly code: unknown; readonly text: string }> {
  const child = spawn(process.execPath, ['--no-warnings', ORDERS, '--orders', orders])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  }
  const [code] = await once(child, 'close')
  return { code, text }
}

test('goal: what was sold was paid for, while a node is killed and comes back', async () => {
  const { code, text } = await run('500')
  expect(text).toMatch(/^ {2}500 orders, .* node 3 killed \(SIGKILL\) at 30 %/m)
  expect(text).toMatch(/^ {2}[1-9]\d* placed, \d+ without stock, \d+ without money$/m)
  const books = [...text.matchAll(/^ {2}through node \d: (.*)$/gm)].map(([, shown]) => shown)
  expect(books).toEqual([books[0], books[0], books[0]])
  const numbers = (books[0] ?? '').match(/[\d,]+/g)?.map((one) => Number(one.replace(',', '')))
  const [left = 0, sold = 0, tills = 0, accounts = 0] = numbers ?? []
  expect([left + sold, tills + accounts]).toEqual([100 * 10, 200 * 62])
  expect(text).toMatch(/^the books balance$/m)
  expect(code).toBe(0)
})

test('what is no number of orders is refused', async () => {
  for (const orders of ['0', '1e3', '9999999']) {
    const text = `--orders: not a number from 1 to 1000000: ${orders}\n`
    expect(await run(orders)).toEqual({ code: 1, text })
  }
})
