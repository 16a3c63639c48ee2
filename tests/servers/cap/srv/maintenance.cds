using { maintenance as db } from '../db/schema';

@requires: 'authenticated-user'
service MaintenanceService @(path: '/odata/v4/maintenance') {
  @restrict: [ { grant: 'READ' }, { grant: [ 'CREATE', 'UPDATE', 'DELETE' ], to: 'planner' } ]
  entity Assets as projection on db.Assets;

  @restrict: [ { grant: 'READ' }, { grant: [ 'CREATE', 'UPDATE', 'DELETE' ], to: 'planner' } ]
  entity WorkOrders as projection on db.WorkOrders;
  annotate WorkOrders with { modifiedAt @odata.etag };

  entity Operations as projection on db.Operations;
  entity Permits as projection on db.Permits;

  // A page size of its own, whatever the service's is.
  @cds.query.limit: { default: 50, max: 100 }
  entity Readings as projection on db.Readings;

  // Listed for everybody, readable by planners only: the missing permission on one entity.
  @restrict: [ { grant: '*', to: 'planner' } ]
  entity Vendors as projection on db.Vendors;

  action close(id : Integer) returns WorkOrders;
}
