const cds = require('@sap/cds')

module.exports = cds.service.impl(function () {
  const { WorkOrders } = this.entities

  this.before(['CREATE', 'UPDATE'], WorkOrders, req => {
    const { title, estimatedHours } = req.data
    if (title === 'LOCKED') req.reject(409, 'Work order is being edited by another user')
    if (estimatedHours != null && Number(estimatedHours) < 0) req.error(400, 'estimatedHours must not be negative', 'estimatedHours')
  })

  this.on('close', async req => {
    await UPDATE(WorkOrders, req.data.id).with({ status: 'done' })
    return SELECT.one.from(WorkOrders, req.data.id)
  })
})
