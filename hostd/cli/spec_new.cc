// SPDX-License-Identifier: GPL-2.0-or-later
/// spec new
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <utility>

#include "hostd/cli/command.h"
#include "hostd/cli/dialog.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/unique_fd.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/new_level.h"
#include "vmspec/scalars.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

using vmspec::CheckedSpec;
using vmspec::NewLevel;
using vmspec::SpecFiles;

/// The set that the level comes into.
struct Place {
  std::string folder;
  SpecFiles files;  ///< empty: there is no set yet
  CheckedSpec checked;
};

Result<Place> FindPlace(const std::string& option) {
  namespace fs = std::filesystem;
  Place place{option.empty() ? "." : option, {}, {}};
  std::error_code error;
  bool there = fs::exists(place.folder, error) && !fs::is_empty(place.folder, error);
  if (!there) return place;
  auto files = vmspec::ReadSpecFolder(place.folder);
  if (files) {
    place.files = std::move(*files);
    place.checked = vmspec::CheckSpec(place.files);
    return place;
  }
  if (files.error().code != ErrorCode::kNotFound) return Propagate(files);
  return Fail(ErrorCode::kRefused,
              Printable(place.folder) +
                  " is not empty and holds no spec set: name the set's folder, "
                  "or a new one, with --folder DIR");
}

Status TakeName(const std::string& text, std::string& out) {
  if (!vmspec::IsName(text)) {
    return Fail(ErrorCode::kInvalid, "\"" + Printable(text, 80) + "\": " + vmspec::kNameRule);
  }
  out = text;
  return {};
}

Status TakeTitle(const std::string& text, std::string& out) {
  if (text.empty() || text.size() > 64 || !IsPrintable(text)) {
    return Fail(ErrorCode::kInvalid,
                "a title has 1 to 64 bytes of printable text without backslash");
  }
  out = text;
  return {};
}

Status TakeCompartments(const std::string& text, std::vector<std::string>& out) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = std::min(text.find(',', from), text.size());
    std::string word = text.substr(from, end - from);
    std::erase(word, ' ');
    std::string name;
    if (Status taken = TakeName(word, name); !taken) return taken;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    from = end + 1;
  }
  if (names.size() > 64) return Fail(ErrorCode::kInvalid, "a label has at most 64 compartments");
  out = std::move(names);
  return {};
}

Status TakeColour(const std::string& text, std::string& out) {
  if (!vmspec::IsColour(text)) {
    return Fail(ErrorCode::kInvalid, "a colour is # and six hexadecimal digits: #2a7de1");
  }
  out = text;
  return {};
}

Status TakeMemory(const std::string& text, std::uint32_t& mib) {
  auto bytes = vmspec::ParseSize(text);
  bool fits = bytes && *bytes % (1U << 20) == 0 && *bytes >> 20 >= 128 && *bytes >> 20 <= 1U << 20;
  if (!fits) {
    return Fail(ErrorCode::kInvalid, "memory is 128 MiB to 1 TiB in whole MiB: \"512 MiB\"");
  }
  mib = static_cast<std::uint32_t>(*bytes >> 20);
  return {};
}

std::vector<std::string> UplinksOf(const CheckedSpec& checked) {
  std::vector<std::string> names;
  for (const auto& [name, uplink] : checked.spec.uplinks) names.push_back(name);
  return names;
}

Status TakeUplink(const std::string& text, const CheckedSpec& checked, std::string& out) {
  std::vector<std::string> known = UplinksOf(checked);
  if (text.empty() || std::ranges::find(known, text) != known.end()) {
    out = text;
    return {};
  }
  std::string all = known.empty() ? "networks.toml has none yet"
                                  : "networks.toml has " + vmspec::Listed(known, " and ");
  return Fail(ErrorCode::kNotFound,
              "there is no uplink " + Printable(text, 80) + ": " + all + Suggestion(text, known));
}

std::vector<Question> QuestionsFor(NewLevel& level, const Place& place) {
  std::vector<std::string> uplinks = UplinksOf(place.checked);
  std::string choice =
      uplinks.empty() ? "networks.toml has none yet" : vmspec::Listed(uplinks, " or ");
  std::string memory = vmspec::FormatSize(std::uint64_t{level.memory_mib} << 20);
  return {
      {"--title", "Title", "What people see of it, in lists and on its windows.", level.title, "",
       [&](const auto& text) { return TakeTitle(text, level.title); }},
      {"--rank", "Rank", "0 to 1000: information may flow only to the same or a higher rank.", "0",
       "",
       [&](const auto& text) -> Status {
         auto rank = NumberIn("rank", text, 0, 1000);
         if (!rank) return Propagate(rank);
         level.rank = *rank;
         return {};
       }},
      {"--compartments", "Compartments",
       "Names with commas: information flows only to levels that have all of them.", "", "none",
       [&](const auto& text) { return TakeCompartments(text, level.compartments); }},
      {"--colour", "Colour", "How it is told from the others at a glance.", level.colour, "",
       [&](const auto& text) { return TakeColour(text, level.colour); }},
      {"--image", "Image", "The system that it starts; one of the image store.", level.image, "",
       [&](const auto& text) { return TakeName(text, level.image); }},
      {"--memory", "Memory", "What its guest has, 128 MiB or more.", memory, "",
       [&](const auto& text) { return TakeMemory(text, level.memory_mib); }},
      {"--uplink", "Uplink", "The network it may be given rules for: " + choice + ".", "", "none",
       [&](const auto& text) { return TakeUplink(text, place.checked, level.uplink); }},
  };
}

Status TakeOptions(const Arguments& arguments, const std::vector<Question>& questions) {
  for (const Question& question : questions) {
    if (!arguments.Has(question.option)) continue;
    Status taken = question.take(arguments.Value(question.option));
    if (!taken) return Propagate(taken, question.option);
  }
  return {};
}

/// What the options leave open is asked, or is as proposed.
Status DecideTheRest(const Context& context, const Arguments& arguments,
                     const std::vector<Question>& questions, bool ask) {
  if (ask)
    context.out()
        << "Enter takes what stands in brackets; Ctrl-C leaves, and nothing is written.\n";
  for (const Question& question : questions) {
    if (arguments.Has(question.option)) continue;
    Status taken = ask ? Ask(context, question) : question.take(question.proposed);
    if (!taken) return taken;
  }
  return {};
}

/// A file that was not there before; never one that is.
Status Create(const std::string& path, const std::string& text) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd && errno == EEXIST) {
    return Fail(ErrorCode::kExists, Printable(path) + " is there already; it was not changed");
  }
  if (!fd) return FailErrno("create " + Printable(path));
  Status written = WriteFully(fd.get(), text.data(), text.size());
  if (written && ::fsync(fd.get()) == 0) return {};
  if (written) written = FailErrno("write");
  ::unlink(path.c_str());
  return Propagate(written, "write " + Printable(path));
}

Status WriteAll(const std::string& folder, const SpecFiles& created) {
  std::error_code error;
  std::filesystem::create_directories(folder + "/levels", error);
  if (error) return FailErrno("create the folder " + Printable(folder) + "/levels", error.value());
  for (const auto& [path, text] : created) {
    if (Status written = Create(folder + "/" + path, text); !written) return written;
  }
  return {};
}

void ShowNext(const Context& context, const Place& place, const NewLevel& level) {
  std::string folder = Printable(place.folder, 4096);
  const std::array<std::pair<std::string, std::string>, 4> steps{
      {{folder + "/levels/" + level.name + ".toml", "say what else it may do: man bulkhead.spec"},
       {"bulkhead spec show " + folder, "see the set"},
       {"bulkhead spec apply " + folder, "make it the one in force"},
       {"bulkhead start " + level.name, "run it"}}};
  std::size_t width = 0;
  for (const auto& [what, why] : steps) width = std::max(width, DisplayWidth(what));
  context.out() << "\nNext:\n";
  for (const auto& [what, why] : steps) {
    context.out() << "  " << what << std::string(width - DisplayWidth(what) + 2, ' ') << why
                  << "\n";
  }
}

/// The new set has a fault that the old one did not have.
bool MadeWorse(const CheckedSpec& before, const CheckedSpec& after, const std::string& file) {
  auto blames = [&](const vmspec::Diagnostic& d) { return !d.warning && d.origin.file == file; };
  return (before.ok() && !after.ok()) || std::ranges::any_of(after.diagnostics, blames);
}

int Report(const Context& context, const Place& place, const NewLevel& level,
           const SpecFiles& created, const CheckedSpec& after, bool asked) {
  JsonArray written;
  std::string list;
  for (const auto& [path, text] : created) {
    written.emplace_back(place.folder + "/" + path);
    list += (list.empty() ? "" : " and ") + Printable(place.folder, 4096) + "/" + path;
  }
  if (context.json()) {
    context.Print(
        Json(JsonMembers{{"level", level.name}, {"written", written}, {"ok", after.ok()}}));
    return kExitOk;
  }
  SpecFiles all = place.files;
  all.insert(created.begin(), created.end());
  context.out() << (asked ? "\n" : "") << "Wrote " << list << ".\n"
                << vmspec::FormatDiagnostics(all, after, context.around().colour);
  ShowNext(context, place, level);
  return kExitOk;
}

}  // namespace

Result<int> SpecNew(Context& context, const Arguments& arguments) {
  NewLevel level;
  if (Status named = TakeName(arguments.positional[0], level.name); !named) {
    return context.Misused(named.error());
  }
  auto place = FindPlace(arguments.Value("--folder"));
  if (!place) return Propagate(place);
  std::string file = "levels/" + level.name + ".toml";
  if (place->files.contains(file)) {
    return Fail(ErrorCode::kExists,
                Printable(place->folder + "/" + file) + " is there already; it was not changed");
  }
  level = vmspec::SuggestLevel(level.name, place->checked.spec);
  const Surroundings& around = context.around();
  bool ask = around.in_is_tty && around.out_is_tty && !context.json() && !arguments.Has("--yes");
  std::vector<Question> questions = QuestionsFor(level, *place);
  Status decided = TakeOptions(arguments, questions);
  if (!decided && decided.error().code == ErrorCode::kInvalid) {
    return context.Misused(decided.error());
  }
  if (decided) decided = DecideTheRest(context, arguments, questions, ask);
  if (!decided) return Propagate(decided);
  SpecFiles created{{file, vmspec::LevelFileText(level)}};
  if (!place->files.contains("host.toml")) created.emplace("host.toml", vmspec::HostFileText());
  SpecFiles all = place->files;
  all.insert(created.begin(), created.end());
  CheckedSpec after = vmspec::CheckSpec(all);
  if (MadeWorse(place->checked, after, file)) {
    context.out() << vmspec::FormatDiagnostics(all, after, context.around().colour);
    return Fail(ErrorCode::kInvalid, "the set would be at fault; nothing was written");
  }
  if (Status written = WriteAll(place->folder, created); !written) return Propagate(written);
  return Report(context, *place, level, created, after, ask);
}

}  // namespace bulkhead::cli
