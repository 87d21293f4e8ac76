namespace Orchestrator.Runtime.ApiServer;

/// <summary>One rule about what may be written, and what is filled in before. All plugins mutate in their order, the object is
/// then validated, then all plugins validate.</summary>
/// <remarks>Called for create, update (patch, status and other subresources included), delete and connect. Refuses by an
/// <see cref="Api.ApiException"/>: <c>ApiErrors.Forbidden(...)</c> and the like.</remarks>
public interface IAdmissionPlugin
{
    string Name { get; }

    /// <summary>May change <see cref="AdmissionRequest.Object"/> in place.</summary>
    ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Changes nothing.</summary>
    ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
