#include "switchgear/store/description.hpp"

#include "switchgear/store/migrations.hpp"

namespace switchgear {

StoreDescription describe(Store& store) {
  const std::string_view bytes = store.kind() == DatabaseKind::sqlite
                                     ? "select page_count * page_size from pragma_page_count(), pragma_page_size()"
                                     : "select pg_database_size(current_database())";
  auto session = store.read();
  StoreDescription description;
  description.schema_version = schema_version(session);
  description.bytes = std::get<0>(session.query_one<std::int64_t>(bytes).value());
  return description;
}

}  // namespace switchgear
