// Input: lines "Name: value" up to an empty line, then a body; a line ":status N" sets the status. Any bytes must give a verdict that keeps
// its promises: bounded one-line UTF-8 texts, waits within the cap, a category of the enum.
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "switchgear/http/classify.hpp"
#include "switchgear/http/rate_headers.hpp"

using namespace switchgear;

namespace {

void promise(bool kept) {
  if (!kept) std::abort();
}

bool is_one_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') return false;
  }
  return true;
}

void check(const std::optional<Error>& error) {
  if (!error) return;
  promise(category_from(static_cast<std::int32_t>(error->category)).has_value());
  promise(!error->message.empty() && error->message.size() < 1500 && is_one_line(error->message));
  promise(error->request_id.size() < 128 && is_one_line(error->request_id));
  promise(!error->retry_after || (error->retry_after->count() >= 0 && *error->retry_after <= default_retry_after_cap));
}

HttpResponse parse(std::string_view text) {
  HttpResponse response;
  response.status = 200;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    if (line.starts_with(":status ")) {
      std::from_chars(line.data() + 8, line.data() + line.size(), response.status);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      response.headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
    }
  }
  response.body = Buffer(text);
  return response;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const HttpResponse response = parse({reinterpret_cast<const char*>(data), size});
  const WallTime now(std::chrono::seconds(1'700'000'000));
  const RateHeaders rate = read_rate_headers(response.headers, now);
  promise(!rate.wait() || (rate.wait()->count() >= 0 && *rate.wait() <= default_retry_after_cap));
  HttpRequest request;
  request.url = "https://plant.example/odata/WorkOrders?key=secret";
  ClassifyContext context;
  context.now = now;
  check(classify(request, response, context));
  request.method = "POST";
  request.headers.add("Accept", "application/json");
  check(classify(request, response, context));
  check(classify_item(request, response.body.view(), context));
  for (const auto& verdict : classify_bulk(request, response, context)) check(verdict);
  return 0;
}
