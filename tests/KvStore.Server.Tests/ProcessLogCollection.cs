namespace KvStore.Server.Tests;

/// <summary>Tests that set the process's log; they run while no other test can write to it.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class ProcessLogCollection
{
    public const string Name = "the process's log";
}
