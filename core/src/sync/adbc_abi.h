/* ADBC 1.0: the C interface of database drivers that speak Arrow. Source: Apache Arrow, "ADBC: Arrow Database Connectivity", adbc.h.
 *
 * Only what is called here has its true signature; a slot that is never called is a plain function pointer, which has the same size. */
#ifndef SWITCHGEAR_SYNC_ADBC_ABI_H
#define SWITCHGEAR_SYNC_ADBC_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t sg_adbc_status;
typedef void (*sg_adbc_unused)(void);

enum { SG_ADBC_OK = 0, SG_ADBC_VERSION_1_0 = 1000000 };

struct sg_adbc_error {
  char* message;
  int32_t vendor_code;
  char sqlstate[5];
  void (*release)(struct sg_adbc_error*);
  void* private_data; /* since 1.1 */
  void* private_driver;
};

struct sg_adbc_database {
  void* private_data;
  void* private_driver;
};

struct sg_adbc_connection {
  void* private_data;
  void* private_driver;
};

struct sg_adbc_statement {
  void* private_data;
  void* private_driver;
};

struct sg_adbc_driver {
  void* private_data;
  void* private_manager;
  sg_adbc_status (*release)(struct sg_adbc_driver*, struct sg_adbc_error*);

  sg_adbc_status (*database_init)(struct sg_adbc_database*, struct sg_adbc_error*);
  sg_adbc_status (*database_new)(struct sg_adbc_database*, struct sg_adbc_error*);
  sg_adbc_status (*database_set_option)(struct sg_adbc_database*, const char*, const char*, struct sg_adbc_error*);
  sg_adbc_status (*database_release)(struct sg_adbc_database*, struct sg_adbc_error*);

  sg_adbc_status (*connection_commit)(struct sg_adbc_connection*, struct sg_adbc_error*);
  sg_adbc_unused connection_get_info;
  sg_adbc_unused connection_get_objects;
  sg_adbc_unused connection_get_table_schema;
  sg_adbc_unused connection_get_table_types;
  sg_adbc_status (*connection_init)(struct sg_adbc_connection*, struct sg_adbc_database*, struct sg_adbc_error*);
  sg_adbc_status (*connection_new)(struct sg_adbc_connection*, struct sg_adbc_error*);
  sg_adbc_status (*connection_set_option)(struct sg_adbc_connection*, const char*, const char*, struct sg_adbc_error*);
  sg_adbc_unused connection_read_partition;
  sg_adbc_status (*connection_release)(struct sg_adbc_connection*, struct sg_adbc_error*);
  sg_adbc_status (*connection_rollback)(struct sg_adbc_connection*, struct sg_adbc_error*);

  sg_adbc_unused statement_bind;
  sg_adbc_status (*statement_bind_stream)(struct sg_adbc_statement*, struct ArrowArrayStream*, struct sg_adbc_error*);
  sg_adbc_status (*statement_execute_query)(struct sg_adbc_statement*, struct ArrowArrayStream*, int64_t*, struct sg_adbc_error*);
  sg_adbc_unused statement_execute_partitions;
  sg_adbc_unused statement_get_parameter_schema;
  sg_adbc_status (*statement_new)(struct sg_adbc_connection*, struct sg_adbc_statement*, struct sg_adbc_error*);
  sg_adbc_unused statement_prepare;
  sg_adbc_status (*statement_release)(struct sg_adbc_statement*, struct sg_adbc_error*);
  sg_adbc_status (*statement_set_option)(struct sg_adbc_statement*, const char*, const char*, struct sg_adbc_error*);
  sg_adbc_status (*statement_set_sql_query)(struct sg_adbc_statement*, const char*, struct sg_adbc_error*);
  sg_adbc_unused statement_set_substrait_plan;

  sg_adbc_unused since_1_1[64]; /* room for what a newer driver may write all the same */
};

typedef sg_adbc_status (*sg_adbc_driver_init)(int version, void* driver, struct sg_adbc_error*);

#ifdef __cplusplus
}
#endif
#endif
