// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/cli/cli_fixture.h"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/unit/cli/private_bus.h"

namespace bulkhead::cli {

namespace {

constexpr std::int64_t kNow = 1'700'000'024'000;  // 24 s after the fake's levels took their state

struct World {
  std::unique_ptr<PrivateBus> bus;
  std::unique_ptr<FakeHost1> fake;
};

World& TheWorld() {
  static World world;
  if (!world.bus) world.bus = std::make_unique<PrivateBus>();
  if (!world.fake && !world.bus->address().empty()) {
    world.fake = std::make_unique<FakeHost1>(world.bus->address());
  }
  return world;
}

/// Ends the bus with the last test, so that no daemon is left over.
class EndOfWorld : public testing::Environment {
 public:
  void TearDown() override {
    World& world = TheWorld();
    world.fake.reset();
    world.bus.reset();
  }
};

[[maybe_unused]] testing::Environment* const kEnd =
    testing::AddGlobalTestEnvironment(new EndOfWorld);

}  // namespace

Outcome RunCli(const std::vector<std::string>& words, const std::string& bus,
               const std::function<void(Surroundings&)>& adjust) {
  std::ostringstream out;
  std::ostringstream err;
  Surroundings around{.out = out, .err = err};
  around.now_ms = kNow;
  if (adjust) adjust(around);
  std::vector<std::string> all = words;
  if (!bus.empty()) all.insert(all.begin(), {"--bus", bus});
  Outcome outcome;
  outcome.code = Main(all, around);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

void CliTest::SetUp() {
  if (TheWorld().bus->address().empty()) GTEST_SKIP() << "no dbus-daemon can be started here";
  Fake().Reset();
}

Outcome CliTest::Cli(const std::vector<std::string>& words,
                     const std::function<void(Surroundings&)>& adjust) {
  return RunCli(words, TheWorld().bus->address(), adjust);
}

FakeHost1& CliTest::Fake() { return *TheWorld().fake; }

std::vector<std::string> CliTest::Calls() {
  std::vector<std::string> calls = Fake().world()->calls;
  std::erase_if(calls, [](const std::string& call) {
    return call.starts_with("GetLevel") || call.starts_with("ListLevels");
  });
  return calls;
}

std::string Golden(const std::string& name, const std::string& actual) {
  std::string path = BULKHEAD_SOURCE_ROOT "/tests/unit/cli/golden/" + name;
  if (std::getenv("BULKHEAD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << actual;
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace bulkhead::cli
