// SPDX-License-Identifier: GPL-2.0-or-later
/// Every level's life: gives each machine the news, and does on worker threads what it answers.
/// Main-loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hostd/level/bring_up.h"
#include "hostd/level/level_machine.h"
#include "hostd/level/level_view.h"
#include "hostd/level/timer.h"
#include "hostd/work.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/report_messages.h"

namespace bulkhead::hostd {

/// How long a level may take to shut down from inside before it is ended.
inline constexpr std::uint32_t kShutdownTimeoutS = 45;

/// An agent tells its health every 5 s. One that has been silent for this long is not heard.
inline constexpr std::uint32_t kAgentSilence_ms = 30'000;

class Levels {
 public:
  struct Hooks {
    /// Hands a message to the level's agent; false when it is not connected.
    std::function<bool(const std::string& level, control::HostMessage)> send;
    std::function<void(const std::string& level)> changed;  ///< its view is another
    std::function<void(const std::string& level)> ready;    ///< its agent may be given files
    std::function<void(const std::string& level)> agent_gone;
    std::function<void(const std::string& sentence)> log;
  };

  /// `work` is borrowed, as is all that `world` points to.
  Levels(Work* work, World world, Hooks hooks, std::uint32_t silence_ms = kAgentSilence_ms);

  /// The set in force. Levels that are up are in it (SpecDesk sees to that).
  void SetApplied(AppliedSpecPtr applied);
  [[nodiscard]] const AppliedSpecPtr& applied() const { return applied_; }
  /// Live levels whose network is another by the set in force get it; no other level is touched.
  /// `done` hears when all have it; one that cannot have it is stopped (I8). One that is just being
  /// started has it before it runs, and is not waited for.
  void Converge(std::function<void()> done);

  // --- what people ask; the answer says only that it was begun. kNotFound: no such level. ---
  Status Start(const std::string& level, const std::string& actor, bool paused);
  Status Stop(const std::string& level, const std::string& actor, bool force);
  Status Restart(const std::string& level, const std::string& actor);
  /// kNotFound, or kUnavailable with how the level is: for calls that need one that runs.
  [[nodiscard]] Status RequireRunning(const std::string& level) const;
  /// As RequireRunning, and kUnavailable while its agent has not said hello on this connection or
  /// is silent: what is sent to it would be lost without a word.
  [[nodiscard]] Status RequireListening(const std::string& level) const;

  // --- what the world says ---
  void OnLink(const std::string& level, const report::AgentLink& link);
  void OnGuest(const std::string& level, const control::GuestMessage& message);
  void OnDomainEvent(const DomainEvent& event);
  /// libvirt was asked: `asked_at` is Epoch() of before the question. `first`: hostd began.
  void OnListing(const Listing& listing, std::uint64_t asked_at, bool first);
  [[nodiscard]] std::uint64_t Epoch() const { return epoch_; }
  /// Stops it because its network (or what else) can no longer be vouched for (I8).
  void Isolate(const std::string& level, const std::string& step, const std::string& reason);

  // --- what people see ---
  [[nodiscard]] std::vector<LevelView> Views() const;
  [[nodiscard]] Result<LevelView> View(const std::string& level) const;
  [[nodiscard]] bool IsReady(const std::string& level) const;
  /// Levels that have, or may have, a domain.
  [[nodiscard]] std::set<std::string> Live() const;
  void SetDevices(const std::string& level, std::set<std::string> devices);

 private:
  struct Entry {
    LevelMachine machine;
    Measures measures;
    Timer timer;
    bool timer_for_hello = false;
    Timer silence;                        ///< armed while it runs and its agent is heard
    std::string actor = "hostd";          ///< who asked for what is under way
    bool resume_asked = false;            ///< by a person, while it was paused
    bool busy = false;                    ///< a job of this level is on a worker thread
    std::optional<Act> next;              ///< what is due once it has ended
    std::uint64_t begun_at = 0;           ///< Epoch() of its last start
    std::optional<control::Hello> hello;  ///< what its agent said last, while it is connected
    bool agent_ready = false;
    AppliedSpecPtr network_under;      ///< the set whose network it has; null: not known
    std::int64_t network_as_of_s = 0;  ///< unix time for which its rules were made
    LevelStatus announced;
    std::vector<std::string> restart_needed;  ///< as it was announced
  };

  Entry* Find(const std::string& level);
  void Do(const std::string& level, Act act);
  void RunAct(const std::string& level, Entry& entry, Act act);
  void DoBringUp(const std::string& level, Entry& entry);
  void DoResume(const std::string& level, Entry& entry);
  void DoReattach(const std::string& level);
  void OnResumed(const std::string& level, const Status& resumed);
  void OnBroughtUp(const std::string& level, const Result<BroughtUpLevel>& up);
  static void NetworkMade(Entry& entry, const AppliedSpecPtr& under, std::int64_t began);
  [[nodiscard]] bool HasRuleEnded(const std::string& level, const Entry& entry,
                                  std::int64_t now) const;
  [[nodiscard]] bool IsStale(const std::string& level, Entry& entry) const;
  /// Calls its function when the last copy of the pointer to it is gone.
  struct Wave {
    std::function<void()> done;
    ~Wave() { done(); }
  };
  using WavePtr = std::shared_ptr<Wave>;
  /// Gives it the network of the set in force, then does `then`.
  void Refresh(const std::string& level, Entry& entry, Act then, WavePtr wave);
  void ForgetGoneFlows(WavePtr wave);
  void TellRestarts();
  [[nodiscard]] std::vector<std::string> RestartsOf(const vmspec::Level& level) const;
  void DoTearDown(const std::string& level, Entry& entry);
  void DoAskShutdown(const std::string& level, Entry& entry);
  /// The job of `level` has ended; `then` is what its end makes due.
  void Ended(const std::string& level, Act then);
  void Announce(const std::string& level);
  void ArmTimer(const std::string& level, Entry& entry);
  void ArmSilence(const std::string& level, Entry& entry);
  void OnWord(const std::string& level, Entry& entry);
  void OnHello(const std::string& level, Entry& entry);
  void HearAgain(const std::string& level, Entry& entry);
  void OnReady(const std::string& level, Entry& entry);
  void OnHealth(const std::string& level, Entry& entry, const control::Health& health);
  void Sample(const std::string& level);
  void Adopt(const Listing& listing);
  void AdoptDomain(const DomainInfo& domain, RunBook::Marks& marks);
  void TellWhoIsUp(const Listing& listing);
  void Autostart();
  void AutostartNext();
  [[nodiscard]] bool AutostartsUnderWay() const;
  void RemoveLeftovers();
  void WatchRuleEnds();
  void EndRules();
  [[nodiscard]] bool IsStranger(const DomainInfo& domain) const;
  Result<Entry*> Asked(const std::string& level);
  [[nodiscard]] LevelView ViewOf(const vmspec::Level& level) const;

  Work* work_;
  World world_;
  Hooks hooks_;
  std::uint32_t silence_ms_;
  AppliedSpecPtr applied_ = std::make_shared<const AppliedSpec>();
  std::map<std::string, Entry> entries_;
  std::vector<std::string> to_autostart_;  ///< those that come last first
  std::set<std::string> autostarted_;
  Timer rule_end_;  ///< the next network rule ends, or it is time to look again
  std::uint64_t epoch_ = 0;
  bool adopted_ = false;
};

}  // namespace bulkhead::hostd
