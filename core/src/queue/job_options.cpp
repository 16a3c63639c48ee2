#include "job_options.hpp"

#include <nlohmann/json.hpp>

#include "switchgear/base/error.hpp"

namespace switchgear::queue_detail {

JobOptions JobOptions::parse(std::string_view json) {
  const auto refuse = [&](const std::string& what) {
    return Error(Category::config, "job_options", "the job's options " + what)
        .with_hint("submit the job again; these are not options that this version of switchgear writes");
  };
  const auto given = nlohmann::json::parse(json, nullptr, false);
  if (!given.is_object()) throw refuse("are no JSON object");
  JobOptions options;
  for (const auto& [name, value] : given.items()) {
    if (name == "on_error" && value.is_string()) {
      options.on_error = OnError::parse(value.get<std::string>());
    } else if (name == "delay_ms" && value.is_number_unsigned() && value.get<std::uint64_t>() <= 86'400'000) {
      options.delay = std::chrono::milliseconds(value.get<std::int64_t>());
    } else if (name == "atomic" && value.is_boolean()) {
      options.atomic = value.get<bool>();
    } else if (name == "max_record_bytes" && value.is_number_unsigned()) {
      options.max_record_bytes = value.get<std::size_t>();
    } else {
      throw refuse("say '" + name + "': " + value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 80));
    }
  }
  return options;
}

}  // namespace switchgear::queue_detail
