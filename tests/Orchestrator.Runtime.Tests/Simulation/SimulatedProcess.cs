namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>A controller manager or a scheduler: what of it lives, and how it is ended.</summary>
internal sealed record SimulatedProcess(string Name, ProcessLine Line, CancellationTokenSource Stop, Func<bool> IsWorking);
