import { connect, type Socket } from 'node:net'

/**
 * Connections to one node, and requests under way on each: Node's own client costs ten times more.
 */
const CONNECTIONS = 4
const DEPTH = 128
const END_OF_HEAD = '\r\n\r\n'

export interface Expected {
  readonly key: string
  readonly value: string
}

/** Reads every record over HTTP at the node of `url`, strongly; returns how many are not there. */
export async function countLost(
  url: string,
  records: readonly Expected[],
  onRead: () => void
): Promise<number> {
  const { hostname, port } = new URL(url)
  const source = records.values()
  const lost = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      readAlong(connect(Number(port), hostname), source, onRead)
    )
  )
  return lost.reduce((sum, some) => sum + some, 0)
}

/**
 * Reads from `source` over `socket` until it is empty; answers come in the order of the requests.
 */
function readAlong(
  socket: Socket,
  source: Iterator<Expected>,
  onRead: () => void
): Promise<number> {
  const asked: Expected[] = []
  let lost = 0
  let rest: Buffer = Buffer.alloc(0)
  const ask = (): void => {
    const requests: string[] = []
    while (asked.length < DEPTH) {
      const { value: record, done } = source.next()
      if (done) break
      asked.push(record)
      requests.push(`GET /v1/kv/${record.key}?timeout=30000 HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    }
    if (requests.length > 0) socket.write(requests.join(''))
    else if (asked.length === 0) socket.end()
  }
  return new Promise((resolve, reject) => {
    socket.on('connect', ask)
    socket.on('error', reject)
    socket.on('close', () => {
      if (asked.length === 0) resolve(lost)
      else reject(new Error(`a node hung up with ${asked.length} answers owed`))
    })
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let answer = takeAnswer(rest); answer !== undefined; answer = takeAnswer(rest)) {
        rest = rest.subarray(answer.length)
        const record = asked.shift()
        if (answer.status === 200 || answer.status === 404) {
          if (answer.status === 404 || answer.body !== record?.value) lost++
          onRead()
        } else socket.destroy(new Error(`${record?.key}: ${answer.status} ${answer.body}`))
      }
      ask()
    })
  })
}

interface Answer {
  readonly status: number
  readonly body: string
  /** Bytes of all of it. */
  readonly length: number
}

/** The first whole answer in `bytes`, if there is one. */
function takeAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(END_OF_HEAD)
  if (headEnd < 0) return undefined
  const head = bytes.subarray(0, headEnd).toString('latin1')
  const bodyAt = headEnd + END_OF_HEAD.length
  const length = bodyAt + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
  if (bytes.length < length) return undefined
  const status = Number(head.slice(9, 12))
  return { status, body: bytes.subarray(bodyAt, length).toString(), length }
}
