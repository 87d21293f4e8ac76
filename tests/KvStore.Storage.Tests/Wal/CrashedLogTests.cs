using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using Xunit.Abstractions;

namespace KvStore.Storage.Tests.Wal;

/// <summary>A crash, and an error, at every operation that the log asks of its disk.</summary>
public class CrashedLogTests(ITestOutputHelper output)
{
    private const int Steps = 40;

    private static int Seeds => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long" ? 1000 : 10;

    [Fact]
    public void After_a_crash_at_any_operation_all_that_was_synced_is_there_and_nothing_that_was_never_written()
    {
        long crashes = 0;

        ForEachOperation((seed, operation) => Interlocked.Add(ref crashes, CrashAt(seed, operation)));

        Report($"{crashes} crashes");
    }

    [Theory]
    [InlineData(DiskFault.IoError)]
    [InlineData(DiskFault.DiskFull)]
    public void An_error_at_any_operation_loses_nothing_that_was_synced(DiskFault fault)
    {
        long errors = 0;
        long deaths = 0;

        ForEachOperation((seed, operation) =>
        {
            Interlocked.Increment(ref errors);
            if (FailAt(seed, operation, fault))
                Interlocked.Increment(ref deaths);
        });

        Report($"{errors} operations failed by {fault}, of which the log died {deaths} times");
    }

    [Fact]
    public void A_crash_while_a_torn_tail_is_cut_off_leaves_it_to_be_cut_off_again()
    {
        var torn = new SimulatedDisk();
        using (var log = LogScript.Create(torn))
            log.Write(LogScript.Entries(1, 1, 1)).Write(LogScript.Entries(1, 2, 3, bytes: 2500));
        // The second page of the batch reached the disk, a sector of its first page did not.
        byte[] bytes = torn.BytesOf(LogScript.PathOf(1));
        bytes.AsSpan(8192 + 3072, 512).Clear();
        torn.Place(LogScript.PathOf(1), bytes);

        for (long operation = 1; operation <= 5; operation++)
            for (ulong seed = 1; seed <= 100; seed++)
            {
                var disk = torn.Copy();
                disk.FailAt(operation, DiskFault.Crash);
                Assert.Throws<SimulatedCrashException>(() => LogScript.Open(disk));
                disk.PowerLoss(new SeededRandom(seed));
                using var log = LogScript.Open(disk);
                Assert.Equal("1/1 1/2", LogScript.Indexes(log.All()));
            }
    }

    private static void ForEachOperation(Action<ulong, long> check) => Parallel.For(1, Seeds + 1, seed =>
    {
        var disk = new SimulatedDisk();
        var workload = new LogWorkload(disk, (ulong)seed);
        workload.Open("first run");
        workload.Run(Steps);
        for (long operation = 1; operation <= disk.Operations; operation++)
            check((ulong)seed, operation);
    });

    /// <summary>Crashes at one operation, then at random ones while it opens and works on, and checks after each.</summary>
    private static int CrashAt(ulong seed, long operation)
    {
        var disk = new SimulatedDisk();
        var workload = new LogWorkload(disk, seed);
        var random = new SeededRandom((seed << 20) + (ulong)operation);
        disk.FailAt(operation, DiskFault.Crash);
        int crashes = 0;
        for (int life = 0; life < 4; life++)
        {
            string context = $"seed {seed} operation {operation} life {life}";
            try
            {
                workload.Open(context);
                if (life == 0 || random.Chance(0.5))
                    workload.Run(Steps);
            }
            catch (SimulatedCrashException)
            {
                crashes++;
            }
            workload.Close();
            Die(disk, random);
            disk.FailAt(disk.Operations + 1 + random.Next(life < 2 ? 12 : 1000), DiskFault.Crash);
        }
        return crashes;
    }

    // What an opened log showed must hold also when power is lost right then: a kill alone leaves the cache as it is.
    private static void Die(SimulatedDisk disk, SeededRandom random)
    {
        if (random.Chance(0.3))
            disk.Restart();
        else
            disk.PowerLoss(random);
    }

    /// <returns>Whether the log refused to go on.</returns>
    private static bool FailAt(ulong seed, long operation, DiskFault fault)
    {
        var disk = new SimulatedDisk();
        var workload = new LogWorkload(disk, seed);
        string context = $"seed {seed} operation {operation} {fault}";
        disk.FailAt(operation, fault);
        bool isDead = false;
        try
        {
            workload.Open(context);
            workload.Run(Steps);
        }
        catch (IOException error)
        {
            isDead = true;
            if (error is WalException && workload.IsOpen)
                workload.CheckDead();
        }
        workload.Close();
        Die(disk, new SeededRandom((seed << 20) + (ulong)operation));
        workload.Open(context);
        workload.Run(5);
        workload.Close();
        disk.PowerLoss(new SeededRandom(seed));
        workload.Open(context);
        workload.Close();
        return isDead;
    }

    private void Report(string line)
    {
        output.WriteLine(line);
        Console.WriteLine($"write-ahead log on the simulated disk: {Seeds} workloads, {line}");
    }
}
