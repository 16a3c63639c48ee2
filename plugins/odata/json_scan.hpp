// Steps over JSON text and shows its parts as they stand there: nothing is built, and what is not asked for is not understood.
//
// Views into the text; any thread. Broken JSON ends the scan (false): who has to say what is wrong with it is a parser.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace switchgear::odata {

/// The members of the object that the text begins with, until `take` says false. Values are trimmed and never empty.
bool scan_members(std::string_view object, const std::function<bool(const std::string& name, std::string_view value)>& take);

/// The items of the array that the text begins with.
bool scan_items(std::string_view array, const std::function<void(std::string_view item)>& take);

/// What a JSON text says; of anything else the text itself.
std::string json_text(std::string_view value);

}  // namespace switchgear::odata
