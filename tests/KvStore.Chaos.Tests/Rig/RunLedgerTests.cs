using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Rig;

public sealed class RunLedgerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chaos-ledger-").FullName;

    [Fact]
    public async Task What_stands_in_a_ledger_is_removed_and_the_ledger_with_it()
    {
        string work = Path.Combine(_folder, "work");
        Directory.CreateDirectory(Path.Combine(work, "disks"));
        var ledger = new RunLedger(Path.Combine(_folder, "1.ledger"));
        ledger.AddFolder(work);

        await ledger.ClearAsync();

        Assert.False(Directory.Exists(work));
        Assert.False(File.Exists(ledger.Path));
    }

    [Fact]
    public async Task A_line_that_was_cut_off_while_it_was_written_names_nothing()
    {
        string work = Path.Combine(_folder, "work");
        Directory.CreateDirectory(work);
        var ledger = new RunLedger(Path.Combine(_folder, "2.ledger"));
        await File.WriteAllTextAsync(ledger.Path, $"folder {work}");

        await ledger.ClearAsync();

        Assert.True(Directory.Exists(work));
    }

    [Fact]
    public async Task A_process_that_bears_the_number_of_one_in_the_ledger_is_not_taken_for_it()
    {
        var self = ProcessIdentity.Of(Environment.ProcessId)!.Value;
        var ledger = new RunLedger(Path.Combine(_folder, "3.ledger"));
        ledger.AddProcess(self with { StartTicks = self.StartTicks - 1 });

        await ledger.ClearAsync();

        Assert.True(self.IsAlive);
        Assert.False((self with { StartTicks = self.StartTicks - 1 }).IsAlive);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
