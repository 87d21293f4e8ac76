namespace Orchestrator.Runtime.Kubelet;

/// <summary>By what a machine is known.</summary>
/// <param name="MachineId">Of the operating system's installation.</param>
/// <param name="SystemUuid">Of the hardware.</param>
/// <param name="BootId">Another one after each start of the kernel.</param>
public sealed record MachineIdentity(string MachineId, string SystemUuid, string BootId);
