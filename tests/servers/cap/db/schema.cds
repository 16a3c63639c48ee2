using { cuid, managed } from '@sap/cds/common';

namespace maintenance;

entity Assets {
  key ID            : String(18);
      description   : String(80);
      plant         : String(4);
      price         : Decimal(15, 2);
      installedOn   : Date;
      serialNumber  : Int64;
      manufacturer  : UUID;
      criticality   : String(1);
      sensors       : UInt8;
      temperature   : Int16;
      fingerprint   : Binary(16);
      active        : Boolean;
      workOrders    : Association to many WorkOrders on workOrders.asset = $self;
}

entity WorkOrders : managed {
  key ID             : Integer;
      number         : String(12) @mandatory;
      title          : String(120) @mandatory;
      priority       : Integer @assert.range: [ 1, 4 ];
      status         : String(10) @assert.range enum { open; started; done; cancelled };
      asset          : Association to Assets;
      estimatedHours : Decimal(9, 3);
      actualCost     : Decimal(23, 4);
      scheduledOn    : Date;
      startTime      : Time;
      dueAt          : DateTime;
      changedAt      : Timestamp;
      meterReading   : Double;
      runtimeTicks   : Int64;
      safetyRelevant : Boolean;
      notes          : LargeString;
      operations     : Composition of many Operations on operations.workOrder = $self;
}

entity Operations : cuid {
  workOrder : Association to WorkOrders;
  sequence  : Integer;
  text      : String(200);
  done      : Boolean default false;
}

entity Readings {
  key asset   : String(18);
  key takenAt : Timestamp;
      value   : Double;
      unit    : String(8);
}

entity Vendors {
  key ID      : String(10);
      name    : String(80);
      blocked : Boolean;
}

// Stays empty: a listing without a single record is a listing, too.
entity Permits : cuid {
  workOrder : Association to WorkOrders;
  issuedAt  : Timestamp;
}
