using System.Globalization;
using KvStore.Testing;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Storage;
using Xunit.Abstractions;
using static Orchestrator.Runtime.Tests.Simulation.SimulatedObjects;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>Sets with claims under everything that can fail: volumes that are made for them, and disks that are scarce.</summary>
public sealed class VolumeSimulationTests(ITestOutputHelper output)
{
    private const int FailureLimit = 10;
    private const string Made = "made", Scarce = "scarce";

    [Fact]
    public void Over_many_seeds_each_claim_has_one_volume_and_no_pod_runs_without_its_own()
    {
        int first = Number("ORCHESTRATOR_FIRST_SEED", 0);
        int count = Number("ORCHESTRATOR_SEEDS", Lanes.Pick(3, 10, 3_000));
        var failures = new List<string>();
        for (int seed = first; seed < first + count && failures.Count < FailureLimit; seed++)
        {
            try
            {
                new Story(seed).Run();
            }
            catch (Exception fault)
            {
                failures.Add($"seed {seed}: {fault}");
            }
        }
        output.WriteLine($"{count} seeds from {first}");

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    private static int Number(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private sealed class Story
    {
        private readonly Random _random;
        private readonly SimulatedCluster _cluster;
        private readonly bool _isCalm;

        public Story(int seed)
        {
            _random = new Random(seed);
            _isCalm = _random.Next(3) == 0;
            _cluster = new SimulatedCluster(seed, new Faults
            {
                LostRequest = Maybe(0.1),
                LostAnswer = _isCalm ? 0 : Maybe(0.1),
                Refusal = Maybe(0.1),
                LostWatch = Maybe(0.05),
                Compaction = Maybe(0.01),
                CrashAfterWrite = _isCalm ? 0 : Maybe(0.01),
                StaleList = _isCalm ? 0 : 0.5,
                Latency = TimeSpan.FromMilliseconds(_random.Next(400)),
                RefusesWatchList = _random.Next(2) == 0,
            }, managerCount: 2, schedulerCount: 2, isShuffled: _random.Next(2) == 0, isCalm: _isCalm);
        }

        public void Run()
        {
            using var cluster = _cluster;
            SetUp();
            for (int step = 0; step < 12; step++)
            {
                cluster.World.Run(TimeSpan.FromMilliseconds(_random.Next(6000)));
                Act();
                cluster.Rules.Check();
            }
            cluster.Heal();
            cluster.RunUntil(cluster.IsSettled, "settled");
            cluster.World.Run(TimeSpan.FromMinutes(12)); // Whoever waits for volumes in vain gives up meanwhile.

            cluster.CheckSettled();
            CheckVolumes();
            cluster.CheckQuiet(TimeSpan.FromMinutes(1));
            cluster.Rules.Check();
        }

        private void SetUp()
        {
            var server = _cluster.Server;
            server.Put(StorageClass(Made, LocalPathProvisioner.Name));
            server.Put(StorageClass(Scarce, StorageNames.NoProvisioner));
            for (int i = 0; i < 2; i++)
                server.Put(Volume($"disk-{i}", Scarce, $"n{_random.Next(SimulatedCluster.NodeCount)}"));
            // Two sets that want the same disks at the same time; of each there is one pod in the end.
            server.Put(StatefulSet("a", 1).Claiming(Scarce));
            server.Put(StatefulSet("b", 1).Claiming(Scarce));
            var growing = StatefulSet("s", _random.Next(4)).Claiming(Made);
            growing.Spec.PodManagementPolicy = _random.Next(2) == 0 ? "Parallel" : "OrderedReady";
            growing.Spec.PersistentVolumeClaimRetentionPolicy = new()
            {
                WhenScaled = _random.Next(2) == 0 ? "Delete" : "Retain", WhenDeleted = "Retain",
            };
            server.Put(growing);
        }

        private void Act()
        {
            switch (_random.Next(12))
            {
                case 0 or 1: _cluster.Change<StatefulSet>("s", one => one.Spec.Replicas = _random.Next(4)); break;
                case 2 or 3 when _cluster.Server.All<Pod>() is { Count: > 0 } pods: _cluster.Delete<Pod>(pods[_random.Next(pods.Count)].Name, "Background"); break;
                case 4: _cluster.Server.BreakWatches(); break;
                case 5 when !_isCalm: _cluster.KillLeader(); break;
                case 6 or 7 when !_isCalm: Any()?.Line.DieAtWrite(_random.Next(1, 8), afterTheServerActed: _random.Next(2) == 0); break;
                case 8 when !_isCalm && Any() is { } process: _cluster.Freeze(process, TimeSpan.FromSeconds(_random.Next(40))); break;
                case 9 when !_isCalm: _cluster.Server.Crash(TimeSpan.FromSeconds(_random.Next(20))); break;
                case 10: _cluster.TakeNodeDown($"n{_random.Next(SimulatedCluster.NodeCount)}"); break;
                case 11: _cluster.BringNodesUp(); break;
            }
        }

        private void CheckVolumes()
        {
            var volumes = _cluster.Server.All<PersistentVolume>();
            foreach (var claim in _cluster.Server.All<PersistentVolumeClaim>())
            {
                var own = volumes.Where(volume => volume.Spec.ClaimRef?.Uid == claim.Uid).ToList();
                if (claim.Status.Phase != "Bound" && own.Count == 0)
                    continue; // Its pod was gone before it had a node.
                Assert.Equal(("Bound", "Bound", own[0].Name), (claim.Status.Phase, own[0].Status.Phase, claim.Spec.VolumeName));
                Assert.Single(own);
                Assert.Equal([StorageFinalizers.Claim], claim.Metadata.Finalizers);
            }
            foreach (var volume in volumes.Where(volume => volume.Name.StartsWith("pvc-", StringComparison.Ordinal)))
                Assert.Contains(_cluster.Server.All<PersistentVolumeClaim>(), claim => claim.Uid == volume.Spec.ClaimRef?.Uid);
            Assert.Equal(2, volumes.Count(volume => volume.Spec.StorageClassName == Scarce && volume.Status.Phase == "Bound"));
        }

        private SimulatedProcess? Any() => _cluster.Processes.Count == 0 ? null : _cluster.Processes[_random.Next(_cluster.Processes.Count)];

        private double Maybe(double most) => _random.Next(2) == 0 ? 0 : _random.NextDouble() * most;
    }
}
