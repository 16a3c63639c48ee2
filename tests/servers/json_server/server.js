// json-server on 127.0.0.1 and a free port, over records made here: the same ones at each start.
// Prints one line `READY {"port": N}` once it answers.
const jsonServer = require('json-server')

const two = n => String(n).padStart(2, '0')
// Many records share an instant, as in systems that change them in bulk.
const changed = i => `2024-${two(1 + (i % 12))}-${two(1 + (i % 28))}T${two(i % 24)}:00:00Z`
const range = count => Array.from({ length: count }, (_, i) => i + 1)

const data = {
  assets: range(3000).map(i => ({ id: i, code: `A-${String(i).padStart(5, '0')}`, name: `Asset ${i}`, site: `S${i % 5}`, updatedAt: changed(i) })),
  workorders: range(5000).map(i => ({
    id: i, assetId: 1 + (i % 3000), title: `Prüfauftrag ${i}`, priority: 1 + (i % 4), cost: Math.round(i * 110) / 100, updatedAt: changed(i),
  })),
}

const server = jsonServer.create()
server.use(jsonServer.defaults({ logger: false }))
server.use(jsonServer.router(data))
const listener = server.listen(Number(process.env.PORT), '127.0.0.1', () =>
  console.log('READY ' + JSON.stringify({ port: listener.address().port })))
