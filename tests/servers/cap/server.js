// Starts the service on 127.0.0.1 and a free port, with the records of records.js in a new SQLite file.
// Settings come from the environment: see __init__.py. Prints one line `READY {"port": N}` once it answers.
const cds = require('@sap/cds')
const v2 = require('@cap-js-community/odata-v2-adapter')
const gateway = require('./gateway')
const records = require('./records')

/// As services of before OData 4.01 do.
const refuseJsonBatch = (request, response, next) => {
  if (!request.url.includes('/$batch') || !request.headers['content-type']?.includes('json')) return next()
  response.status(415).json({ error: { code: '415', message: '$batch is only taken as multipart/mixed' } })
}

cds.on('bootstrap', app => {
  const listen = app.listen.bind(app)
  app.listen = (port, ...rest) => listen(port, '127.0.0.1', ...rest)
  gateway(app)
  if (process.env.MULTIPART_ONLY) app.use(refuseJsonBatch)
  app.use(v2())
})

cds.on('served', async () => {
  const tables = cds.entities('maintenance')
  for (const [entity, rows] of records(Number(process.env.WORK_ORDERS))) {
    let chunk = []
    const flush = async () => {
      if (chunk.length) await INSERT.into(tables[entity]).entries(chunk)
      chunk = []
    }
    for (const row of rows) if (chunk.push(row) === 1000) await flush()
    await flush()
  }
})

cds.on('listening', ({ server }) => console.log('READY ' + JSON.stringify({ port: server.address().port })))

// in_memory only asks for the tables to be created at start; they go where cds.requires.db says, here a file.
module.exports = options => cds.server({ ...options, in_memory: true })
