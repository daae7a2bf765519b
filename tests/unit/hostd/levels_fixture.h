// SPDX-License-Identifier: GPL-2.0-or-later
/// Levels as hostd has them, over daemons made of memory: real books, log, image and main loop.
#pragma once

#include <glib.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hostd/devices/device_desk.h"
#include "hostd/level/levels.h"
#include "hostd/libvirt/fake_hypervisor.h"
#include "tests/unit/hostd/fakes.h"
#include "tests/unit/hostd/image_fixture.h"

namespace bulkhead::hostd {

class LevelsFixture : public ImageFixture {
 protected:
  using Kind = DomainEvent::Kind;
  using Phase = LevelMachine::Phase;

  LevelsFixture() {
    root_ = "root";
    kernel_ = "kernel";
    std::filesystem::create_directory(dir_ / "levels");
    paths_.run = dir_ / "run";
    paths_.state = dir_.path();
    audit_ = std::move(*AuditLog::Open(dir_ / "audit.log"));
    devices_ =
        std::make_unique<DeviceDesk>(&broker_, &hypervisor_, audit_.get(), [](const auto&) {});
    images_store_ = std::make_unique<ImageStore>(images_);
    hypervisor_.SetOnEvent([this](const DomainEvent& event) {
      Work::ToMain([this, event] {
        if (levels_) levels_->OnDomainEvent(event);
      });
    });
    applied_ = Spec(120);
    BeginHostd();
  }
  ~LevelsFixture() override { EndHostd(); }

  /// Two levels, a flow between them, a network for one; TCG by name, so that nothing is probed.
  static AppliedSpecPtr Spec(std::uint32_t hello_timeout_s, bool with_high = true) {
    auto applied = std::make_shared<AppliedSpec>();
    std::string level =
        "schema = 1\nimage = \"minimal\"\n[resources]\nvcpus = 1\nmemory = \"128 MiB\"\n"
        "[state]\nsize = \"16 MiB\"\n";
    auto& files = applied->files;
    files["levels/low.toml"] = "title = \"Public\"\nlabel = { rank = 0 }\ncolour = \"#3a9d5d\"\n" +
                               level + "[network]\nuplink = \"office\"\nallow = []\n";
    files["networks.toml"] =
        "schema = 1\n[uplink.office]\nkind = \"routed\"\ninterface = \"eth0\"\n"
        "label = { rank = 0 }\n";
    files["host.toml"] = "schema = 1\n[acceleration]\naccel = \"tcg\"\nallow-tcg = true\n";
    if (with_high) {
      files["levels/high.toml"] =
          "title = \"Restricted\"\nlabel = { rank = 2 }\ncolour = \"#c0392b\"\n" + level;
      files["flows.toml"] =
          "schema = 1\n[flow.up]\nfrom = \"low\"\nto = \"high\"\nkind = \"transfer\"\n"
          "max-file = \"1 MiB\"\nquota = \"4 MiB\"\n";
      applied->levels["high"] = 2;
      applied->flows["up"] = 1;
    }
    auto checked = vmspec::CheckSpec(files);
    EXPECT_TRUE(checked.ok()) << vmspec::FormatDiagnostics(files, checked, false);
    applied->spec = checked.spec;
    applied->spec.host.hello_timeout_s = hello_timeout_s;
    applied->levels["low"] = 1;
    return applied;
  }

  /// A hostd that begins: it knows what the books say and nothing else.
  void BeginHostd() {
    runs_ = std::make_unique<RunBook>(dir_ / "runs", "boot-a");
    started_ = std::make_unique<StartedBook>(dir_ / "started", "boot-a");
    keeper_ = std::make_unique<InstanceKeeper>(&super_);
    work_ = std::make_unique<Work>(4);
    World world{paths_,       audit_.get(),  images_store_.get(), &accel_,     &network_,
                &hypervisor_, keeper_.get(), devices_.get(),      runs_.get(), started_.get()};
    levels_ = std::make_unique<Levels>(work_.get(), world, MakeHooks(), silence_ms_);
    levels_->SetApplied(applied_);
  }
  /// As a kill does, between two jobs.
  void EndHostd() {
    Settle();
    work_.reset();
    levels_.reset();
  }
  Levels::Hooks MakeHooks() {
    return {[this](const std::string& level, control::HostMessage m) {
              if (!agent_listens_) return false;
              sent_.emplace_back(level, std::move(m));
              return true;
            },
            [this](const std::string& level) {
              auto view = levels_->View(level);
              if (view) states_.push_back(level + " " + LevelStateName(view->status.state));
            },
            [this](const std::string& level) { ready_.push_back(level); },
            [this](const std::string& level) { agent_gone_.push_back(level); },
            [this](const std::string& sentence) { log_.push_back(sentence); }};
  }

  /// hostd looks at libvirt for the first time.
  void Adopt() { levels_->OnListing(*hypervisor_.List(), levels_->Epoch(), true); }
  void LookAgain() { levels_->OnListing(*hypervisor_.List(), levels_->Epoch(), false); }

  template <typename Probe>
  bool Until(Probe probe) {
    for (int i = 0; i < 8'000 && !probe(); ++i) {
      if (g_main_context_iteration(nullptr, FALSE) == FALSE) ::usleep(500);
    }
    return probe();
  }
  /// Every job that was posted has ended and the main loop has heard of it.
  void Settle() {
    for (bool quiet = false; !quiet;) {
      quiet = work_ == nullptr || work_->Idle();
      while (g_main_context_iteration(nullptr, FALSE) != FALSE) quiet = false;
      if (!quiet) ::usleep(500);
    }
  }
  bool UntilState(const std::string& level, LevelState state) {
    return Until([&] { return StatusOf(level).state == state; });
  }
  bool UntilStep(const std::string& level, const std::string& step) {
    return Until([&] { return StatusOf(level).step == step; });
  }
  LevelStatus StatusOf(const std::string& level) const { return levels_->View(level)->status; }

  void AgentSaysHello(const std::string& level) {
    levels_->OnLink(level, {report::AgentLink::kUp, {}});
    levels_->OnGuest(level, control::Hello{.image = "minimal", .version = "1", .boot_id = "b-1"});
  }
  void AgentIsReady(const std::string& level) { levels_->OnGuest(level, control::Ready{}); }
  void BringToRunning(const std::string& level) {
    ASSERT_TRUE(levels_->Start(level, "uid:0", false));
    ASSERT_TRUE(UntilStep(level, "boot")) << StatusOf(level).reason;
    AgentSaysHello(level);
    AgentIsReady(level);
    ASSERT_EQ(StatusOf(level).state, LevelState::kRunning);
    ASSERT_TRUE(Until([&] { return runs_->marks().at(level) == RunMark::kRunning; }));
  }

  template <typename Message>
  std::size_t SentCount(const std::string& level) const {
    return static_cast<std::size_t>(std::ranges::count_if(sent_, [&](const auto& one) {
      return one.first == level && std::holds_alternative<Message>(one.second);
    }));
  }
  std::set<std::string> AgentsOf(const std::vector<ServiceInstance>& instances) const {
    std::set<std::string> names;
    for (const auto& i : instances) {
      if (i.kind == ServiceInstance::Kind::kAgentd) names.insert(i.name);
    }
    return names;
  }
  std::string Audit() const { return Slurp(dir_ / "audit.log"); }
  /// From here on nothing can be recorded.
  void BreakAudit() { std::ofstream(dir_ / "audit.log", std::ios::app) << "planted\n"; }
  void ExpectNothingLeft(const std::string& level) {
    EXPECT_FALSE(network_.levels.contains(level));
    EXPECT_FALSE(hypervisor_.Domains().contains(level));
    EXPECT_FALSE(AgentsOf(super_.now).contains(level));
    EXPECT_FALSE(runs_->marks().contains(level));
  }

  Paths paths_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<ImageStore> images_store_;
  AccelProbe accel_{{}};
  FakeNetwork network_;
  FakeInstances super_;
  FakeBroker broker_;
  FakeHypervisor hypervisor_;
  std::unique_ptr<DeviceDesk> devices_;
  std::unique_ptr<RunBook> runs_;
  std::unique_ptr<StartedBook> started_;
  std::unique_ptr<InstanceKeeper> keeper_;
  AppliedSpecPtr applied_;
  std::unique_ptr<Levels> levels_;
  std::unique_ptr<Work> work_;  ///< its threads end first

  std::uint32_t silence_ms_ = kAgentSilence_ms;
  bool agent_listens_ = true;
  std::vector<std::pair<std::string, control::HostMessage>> sent_;
  std::vector<std::string> states_;
  std::vector<std::string> ready_;
  std::vector<std::string> agent_gone_;
  std::vector<std::string> log_;
};

}  // namespace bulkhead::hostd
