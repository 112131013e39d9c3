import { expect, test } from 'vitest'
import type * as NodeModule from '../../src/node/index.ts'
import type { Logger } from '../../src/world/log.ts'
import { get, Stage } from './harness.ts'

const { createNode } = (await import(
  new URL('../../dist/node/index.js', import.meta.url).href
)) as typeof NodeModule

const FREE = { listen: ['/ip4/127.0.0.1/tcp/0'], http: '127.0.0.1:0' }

test('a node in this process serves its own client and others', async () => {
  await using stage = new Stage()
  const options = { ...FREE, data: stage.directory, bootstrap: true, partitions: 4 }
  const node = await createNode(options)
  await node.ready
  expect(await node.kv.put('key', { a: 1 })).toEqual({ revision: 1 })
  expect(await node.kv.get('key')).toEqual({ a: 1 })
  expect(await get(node.http?.origin ?? '', 'key')).toEqual({ status: 200, text: '{"a":1}' })
  await expect(createNode(options)).rejects.toThrow(/in use/)
  await node.stop()
  await node.stop()
  await expect(node.kv.get('key')).rejects.toMatchObject({ code: 'closed' })

  const again = await createNode(options)
  await again.ready
  expect(await again.kv.get('key')).toEqual({ a: 1 })
  await again.kv.close()
})

test('what was set when the cluster was formed stays so, which is told', async () => {
  await using stage = new Stage()
  const lines: unknown[] = []
  const logger: Logger = {
    log: (level, event, fields) => level === 'warn' && lines.push([event, fields])
  }
  const options = { ...FREE, data: stage.directory, bootstrap: true, logger }
  const lives = [{ partitions: 4 }, { partitions: 4, replicas: 3 }, {}, { partitions: 8 }]
  for (const asked of lives) {
    const node = await createNode({ ...options, ...asked })
    await node.ready
    await node.stop()
  }
  const advice = 'partitions were set when the cluster was formed, and stay so'
  expect(lines).toEqual([['settings ignored', { partitions: 4, advice }]])
})

test('options that cannot work reject and leave nothing open', async () => {
  await using stage = new Stage()
  const options = { ...FREE, data: stage.directory }
  await expect(createNode({ ...options, partitions: 3 })).rejects.toThrow(/power of two/)
  const nobody = ['/ip4/127.0.0.1/tcp/1/p2p/xyz']
  await expect(createNode({ ...options, seeds: nobody })).rejects.toThrow(/seed: not a multiaddr/)
  const announce = createNode({ ...options, announce: nobody })
  await expect(announce).rejects.toThrow(/announce: not a multiaddr/)
  const log: string[] = []
  const logger: Logger = { log: (level, event) => level === 'warn' && log.push(event) }
  const node = await createNode({ ...options, logger })
  expect(log).toEqual(['belongs to no cluster'])
  const port = Number(node.http?.port)
  const other = { ...options, data: `${stage.directory}/other`, http: `127.0.0.1:${port}` }
  await expect(createNode(other)).rejects.toThrow(/cannot listen on 127.0.0.1/)
  const second = await createNode({ ...other, http: 'off' })
  await Promise.all([node.stop(), second.stop()])
  await expect(node.ready).rejects.toThrow(/stopped/)
})
