using System.Globalization;
using KvStore.Testing;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Xunit.Abstractions;
using static Orchestrator.Runtime.Tests.Simulation.SimulatedObjects;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>Whole clusters under everything that can fail, one seed a history.</summary>
public sealed class ClusterSimulationTests(ITestOutputHelper output)
{
    /// <summary>A run of many seeds goes on after a failure, up to so many.</summary>
    private const int FailureLimit = 10;

    [Fact]
    public void Over_many_seeds_with_lost_watches_conflicts_and_crashes_it_settles_without_a_duplicate_or_an_orphan()
    {
        int first = Number("ORCHESTRATOR_FIRST_SEED", 0);
        int count = Number("ORCHESTRATOR_SEEDS", Lanes.Pick(5, 20, 10_000));
        var failures = new List<string>();
        for (int seed = first; seed < first + count && failures.Count < FailureLimit; seed++)
        {
            if (Run(seed) is { } failure)
                failures.Add($"seed {seed}: {failure}");
        }
        output.WriteLine($"{count} seeds from {first}");

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Fact]
    public void A_seed_is_one_history()
    {
        for (int seed = 0; seed < 4; seed++)
            Assert.Equal(Trace(seed), Trace(seed));

        static (long Revision, long Steps, string Writes) Trace(int seed)
        {
            var story = new Story(seed);
            story.Run();
            return story.Trace;
        }
    }

    private static int Number(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    /// <returns>What went wrong.</returns>
    private static string? Run(int seed)
    {
        try
        {
            new Story(seed).Run();
            return null;
        }
        catch (Exception fault)
        {
            return fault.ToString();
        }
    }

    /// <summary>One seed: which faults there are, what users do meanwhile, and what must be true when all is over.</summary>
    private sealed class Story
    {
        private readonly Random _random;
        private readonly SimulatedCluster _cluster;
        private readonly List<IKubernetesObject> _strangers = [];

        /// <summary>Whether nobody dies and no answer is lost: then more must be true (<see cref="HistoryRules.IsCalm"/>).</summary>
        private readonly bool _isCalm;

        /// <summary>Most histories are dense; some are long enough for leases and nodes to be given up.</summary>
        private readonly int _stepMilliseconds;

        public Story(int seed)
        {
            _random = new Random(seed);
            _stepMilliseconds = _random.Next(4) == 0 ? 60_000 : 4000;
            _isCalm = _random.Next(3) == 0;
            // Each class of faults is there or not, as too many at once hide each other.
            _cluster = new SimulatedCluster(seed, new Faults
            {
                LostRequest = Maybe(0.1),
                LostAnswer = _isCalm ? 0 : Maybe(0.1),
                Refusal = Maybe(0.05),
                LostWatch = Maybe(0.05),
                Compaction = Maybe(0.01),
                CrashAfterWrite = _isCalm ? 0 : Maybe(0.01),
                StaleList = _isCalm || _random.Next(3) == 0 ? 0 : 0.5,
                Latency = TimeSpan.FromMilliseconds(_random.Next(200)),
                RefusesWatchList = _random.Next(2) == 0,
            }, managerCount: 2, schedulerCount: 2, isShuffled: _random.Next(2) == 0, isCalm: _isCalm)
            {
                FailureChance = Maybe(0.2),
            };
        }

        public void Run()
        {
            using var cluster = _cluster;
            SetUp();
            for (int step = 0; step < 12; step++)
            {
                cluster.World.Run(TimeSpan.FromMilliseconds(_random.Next(_stepMilliseconds)));
                Act(step);
                cluster.Rules.Check();
            }
            cluster.Heal();
            cluster.Change<CronJob>("c", one => one.Spec.Suspend = true);
            cluster.LetGo<ConfigMap>("held");
            Settle();
            cluster.World.Run(TimeSpan.FromMinutes(2));

            cluster.CheckSettled();
            Assert.All(_strangers, one => Assert.NotNull(cluster.Find<ConfigMap>(one.Name)));
            Assert.Null(cluster.Find<ConfigMap>("of-nobody"));
            cluster.CheckQuiet(TimeSpan.FromMinutes(1));
            cluster.Rules.Check();
        }

        public (long Revision, long Steps, string Writes) Trace =>
            (_cluster.Server.Revision, _cluster.World.StepCount, string.Join('\n', _cluster.Server.Writes));

        private void Settle()
        {
            try
            {
                _cluster.World.RunUntil(_cluster.IsSettled, TimeSpan.FromMinutes(30));
            }
            catch (TimeoutException)
            {
                Assert.Fail($"it never settles: {_cluster.Unsettled()}");
            }
        }

        private void SetUp()
        {
            for (int i = 0; i < 2; i++)
                _cluster.Server.Put(Rolling($"d{i}"));
            var set = StatefulSet("s", _random.Next(3));
            if (_random.Next(3) == 0)
                set.Spec.PodManagementPolicy = "Parallel";
            _cluster.Server.Put(set.Asking(set.Spec.Template, "400m"));
            _cluster.Server.Put(DaemonSet("a"));
            var job = Job("j", _random.Next(1, 4), _random.Next(1, 3));
            if (_random.Next(2) == 0)
                job.Spec.CompletionMode = "Indexed";
            _cluster.Server.Put(job.Asking(job.Spec.Template, "400m"));
            if (_stepMilliseconds > 10_000)
                _cluster.Server.Put(CronJob("c", Pick("Allow", "Forbid", "Replace")));
            _cluster.Server.Put(Service("d0"));
            SetUpStrangers();
        }

        private void SetUpStrangers()
        {
            var alone = _cluster.Server.Put(ConfigMap("alone"));
            var keeper = _cluster.Server.Put(ConfigMap("keeper"));
            var kept = _cluster.Server.Put(ConfigMap("of-two", OwnedBy(keeper), new OwnerReference
            {
                ApiVersion = "v1", Kind = "ConfigMap", Name = "gone", Uid = "00000000-0000-0000-0000-999999999999",
            }));
            _strangers.AddRange([alone, keeper, kept]);
            // Its owner's name is there, but it is another.
            _cluster.Server.Put(ConfigMap("of-nobody", new OwnerReference
            {
                ApiVersion = "v1", Kind = "ConfigMap", Name = "keeper", Uid = "00000000-0000-0000-0000-888888888888",
            }));
            var held = ConfigMap("held", OwnedBy(_cluster.Find<Deployment>("d1")!));
            held.Metadata.Finalizers = ["example.com/hold"];
            _cluster.Server.Put(held);
            foreach (var stranger in _strangers)
                _cluster.Rules.MustStay(stranger);
        }

        private void Act(int step)
        {
            string name = $"d{_random.Next(2)}";
            switch (_random.Next(18))
            {
                case 0: _cluster.Change<Deployment>(name, one => one.Spec.Replicas = _random.Next(5)); break;
                case 1: _cluster.SetImage(name, $"image:{step}"); break;
                case 2: _cluster.Delete<Deployment>(name, Pick("Background", "Foreground")); break;
                case 3 when _cluster.Find<Deployment>(name) is null: _cluster.Server.Put(Rolling(name)); break;
                case 4 when _cluster.Server.All<Pod>() is { Count: > 0 } pods:
                    _cluster.Delete<Pod>(pods[_random.Next(pods.Count)].Name, "Background");
                    break;
                case 5 when !_isCalm: _cluster.KillLeader(); break;
                case 6: _cluster.Change<StatefulSet>("s", one => one.Spec.Replicas = _random.Next(3)); break;
                case 7: _cluster.Server.BreakWatches(); break;
                case 8 when _cluster.Server.All<ReplicaSet>() is { Count: > 0 } sets:
                    _cluster.Delete<ReplicaSet>(sets[_random.Next(sets.Count)].Name, "Background");
                    break;
                case 9 or 10 when !_isCalm: Any()?.Line.DieAtWrite(_random.Next(1, 8), afterTheServerActed: _random.Next(2) == 0); break;
                case 11 or 12 when !_isCalm && Any() is { } process: _cluster.Freeze(process, TimeSpan.FromSeconds(_random.Next(40))); break;
                case 13 when !_isCalm: _cluster.Server.Crash(TimeSpan.FromSeconds(_random.Next(20))); break;
                case 14: _cluster.TakeNodeDown($"n{_random.Next(SimulatedCluster.NodeCount)}"); break;
                case 15: _cluster.BringNodesUp(); break;
                case 16: BeginOrEndTeam(); break;
                case 17: _cluster.Change<DaemonSet>("a", one => one.Spec.Template.Spec.Containers![0].Image = $"image:{step}"); break;
            }
        }

        private void BeginOrEndTeam()
        {
            if (_cluster.Server.Find<Namespace>("", "team") is { } team)
            {
                if (!team.IsBeingDeleted)
                    _cluster.Delete<Namespace>("team", "Background", ns: "");
                return;
            }
            _cluster.Server.Put(Namespace("team"));
            _cluster.Server.Put(Deployment("t", 1, "team"));
        }

        private SimulatedProcess? Any() => _cluster.Processes.Count == 0 ? null : _cluster.Processes[_random.Next(_cluster.Processes.Count)];

        private Deployment Rolling(string name)
        {
            var deployment = Deployment(name, _random.Next(4));
            int surge = _random.Next(3);
            deployment.Spec.Strategy = _random.Next(4) == 0
                ? new DeploymentStrategy { Type = "Recreate" }
                : new DeploymentStrategy
                {
                    Type = "RollingUpdate",
                    RollingUpdate = new RollingUpdateDeployment { MaxSurge = surge, MaxUnavailable = surge == 0 ? 1 : _random.Next(3) },
                };
            return deployment.Asking(deployment.Spec.Template, "400m");
        }

        // Half of the classes of faults are not there at all.
        private double Maybe(double most) => _random.Next(2) == 0 ? 0 : _random.NextDouble() * most;

        private T Pick<T>(params T[] values) => values[_random.Next(values.Length)];
    }
}
