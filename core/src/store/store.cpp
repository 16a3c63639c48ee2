#include "switchgear/store/store.hpp"

#include "group_commit.hpp"
#include "switchgear/store/migrations.hpp"

namespace switchgear {

Store::Store(std::string_view url, DatabaseOptions options, Clock& clock)
    : clock_(clock), database_(url, options), commit_(std::make_unique<store_detail::GroupCommit>(database_)) {
  migrate(database_, clock_);
}

Store::~Store() = default;

DatabaseSession Store::read() {
  process_.check("the store " + display());
  return database_.session();
}

void Store::run_in_transaction(const std::function<void(DatabaseSession&)>& work) {
  process_.check("the store " + display());
  commit_->run(work);
}

}  // namespace switchgear
