using KvStore.Chaos.History;

namespace KvStore.Chaos.Traffic;

/// <summary>Gives out numbers and writes what happens; one for each process of a run.</summary>
/// <param name="process">Numbers of different processes differ.</param>
internal sealed class Recorder(HistoryWriter writer, RunClock clock, int process)
{
    private const int ClientsPerProcess = 10_000_000;
    private const long OperationsPerProcess = 1_000_000_000;

    private readonly long[] _outcomes = new long[3];
    private int _lastClient = process * ClientsPerProcess;
    private int _lastStream = process * ClientsPerProcess;
    private long _lastOperation = process * OperationsPerProcess;

    public RunClock Clock => clock;

    public long Now => clock.Now;

    public int NewClient() => Interlocked.Increment(ref _lastClient);

    /// <summary>Of watches.</summary>
    public int NewStream() => Interlocked.Increment(ref _lastStream);

    public long NewOperation() => Interlocked.Increment(ref _lastOperation);

    public long Count(Outcome outcome) => Interlocked.Read(ref _outcomes[(int)outcome]);

    public void Write(Operation operation)
    {
        Interlocked.Increment(ref _outcomes[(int)operation.Outcome]);
        writer.Write(operation);
    }

    public void Write(HistoryRecord record) => writer.Write(record);

    public void Note(string text, string member = "") =>
        Write(new HistoryRecord { Note = new Note { At = Now, Member = member, Text = text } });
}
