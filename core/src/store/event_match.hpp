// Which events an endpoint is set for: types by connection, and a filter on the data.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace switchgear::store_detail {

/// Throw Error(config, "endpoint") naming what can't be meant. Return it as it is stored.
std::string checked_events(std::string_view json);
std::string checked_filter(std::string_view json);

/// Whether these events of an endpoint have such a one. What was checked once is taken as it is; damaged, it wants nothing.
bool wants_event(const nlohmann::json& events, std::string_view connection_id, std::string_view type);
bool passes_filter(const nlohmann::json& filter, const nlohmann::json& data);

}  // namespace switchgear::store_detail
