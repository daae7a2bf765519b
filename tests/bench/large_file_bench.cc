// SPDX-License-Identifier: GPL-2.0-or-later
/// Large spec files, read and checked, beside toml++ on the same text (it only parses): the goal is
/// 50 MB/s. And hostile sets of 1 MiB, checked and explained: the goal is 50 ms for each.
#include <benchmark/benchmark.h>

#include <string>

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "tests/hostile_sets.h"
#include "vmspec/document.h"

namespace bulkhead::vmspec {
namespace {

constexpr int kLevels = 100;

std::string N(int n) { return std::to_string(n); }

std::string Flow(int n) {
  return "[flow.f" + N(n) + "]\nfrom = \"l" + N(n % kLevels) + "\"\nto = \"l" +
         N((n + 1 + n / kLevels % (kLevels - 1)) % kLevels) + "\"\nkind = \"transfer\"\n";
}

/// As short as they can be.
std::string PlainFlows() {
  std::string text = "schema = 2\n";
  for (int n = 0; n < 10'000; ++n) text += Flow(n);
  return text;
}

/// As an administrator leaves them to the next one; nearly 4 MiB.
std::string ExplainedFlows() {
  std::string text = "schema = 2\n";
  for (int n = 0; n < 7'200; ++n) {
    text +=
        "\n# Ticket " + N(100'000 + n) +
        ": the readings of the day go to those who weigh them.\n# Asked for by the second floor "
        "on 24 November; the owner of the level has agreed.\n# Nobody else reads them. To be "
        "looked at again in a year, with the others of this group.\n" +
        Flow(n) +
        "max-file = \"64 MiB\"  # a day is 40 MiB at the most\nquota = \"2 GiB\"     # two weeks "
        "of them, should nobody come\nmax-files = 400\nconfirm = false\n";
  }
  return text;
}

std::string Rules() {
  std::string text =
      "schema = 2\nlabel = { rank = 0 }\nimage = \"minimal\"\n[network]\nuplink = "
      "\"office\"\nallow "
      "= [\n";
  for (int n = 0; n < 1024; ++n) {
    text += "  { to = \"10." + N(n % 250) + "." + N(n % 256) + ".0/24\", tcp = [443, " +
            N(1000 + n) + "], comment = \"build servers of the second floor, ticket " +
            N(100'000 + n) + "\" },\n";
  }
  return text + "]\n";
}

struct Large {
  const char* file;
  std::string text;
};

const Large& LargeFile(int which) {
  static const Large kAll[] = {
      {"flows.toml", PlainFlows()}, {"flows.toml", ExplainedFlows()}, {"levels/l0.toml", Rules()}};
  return kAll[which];
}

/// The large file with no more around it than it needs.
SpecFiles SetOf(const Large& large) {
  SpecFiles files;
  for (int n = 0; n < kLevels; ++n) {
    files["levels/l" + N(n) + ".toml"] = "schema = 2\nlabel = { rank = 0 }\nimage = \"minimal\"\n";
  }
  files["networks.toml"] =
      "schema = 2\n[uplink.office]\nkind = \"nat\"\ninterface = \"eth0\"\nlabel = { rank = 0 }\n";
  files[large.file] = large.text;
  return files;
}

void CountBytes(benchmark::State& state, const Large& large) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(large.text.size()));
  state.counters["MiB"] = static_cast<double>(large.text.size()) / (1 << 20);
}

void ReadLargeFile(benchmark::State& state) {
  const Large& large = LargeFile(static_cast<int>(state.range(0)));
  const std::string file = large.file;
  for (auto _ : state) {
    Faults faults;
    auto document = ParseDocument(file, large.text, faults);
    if (!document) state.SkipWithError("not TOML");
    benchmark::DoNotOptimize(document);
  }
  CountBytes(state, large);
}

void TomlPlusPlusReads(benchmark::State& state) {
  const Large& large = LargeFile(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    toml::table table = toml::parse(large.text);
    benchmark::DoNotOptimize(table);
  }
  CountBytes(state, large);
}

void CheckLargeFile(benchmark::State& state) {
  const Large& large = LargeFile(static_cast<int>(state.range(0)));
  SpecFiles files = SetOf(large);
  for (auto _ : state) {
    CheckedSpec checked = CheckSpec(files);
    if (!checked.ok()) state.SkipWithError(checked.diagnostics[0].message.c_str());
    benchmark::DoNotOptimize(checked);
  }
  CountBytes(state, large);
}

BENCHMARK(TomlPlusPlusReads)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);
BENCHMARK(ReadLargeFile)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);
BENCHMARK(CheckLargeFile)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void CheckHostileSet(benchmark::State& state, const HostileSet& hostile) {
  SpecFiles files = hostile.make(1 << 20);
  for (auto _ : state) {
    CheckedSpec checked = CheckSpec(files);
    std::string told = FormatDiagnostics(files, checked, false);
    benchmark::DoNotOptimize(told);
  }
}

const bool kRegistered = [] {
  for (auto sets : {HostileSyntax(), HostileMeaning()}) {
    for (const HostileSet& set : sets) {
      benchmark::RegisterBenchmark((std::string("Hostile: ") + set.name).c_str(),
                                   [&set](benchmark::State& state) { CheckHostileSet(state, set); })
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace bulkhead::vmspec
