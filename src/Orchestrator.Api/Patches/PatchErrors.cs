using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Patches;

/// <summary>What a refused patch is answered with.</summary>
internal static class PatchErrors
{
    public static ApiException Malformed(string reason) => ApiErrors.BadRequest(reason);

    /// <summary>A well-formed patch that does not fit the object. Kubernetes tells the client no more than this.</summary>
    public static ApiException DoesNotApply() => new(new Status
    {
        StatusValue = "Failure",
        Message = "the server rejected our request due to an error in our request",
        Reason = "Invalid",
        Details = new StatusDetails(),
        Code = 422,
    });

    /// <summary>An error that Kubernetes passes on without a reason of its own: it comes out as an internal one.</summary>
    public static ApiException Unclassified(string message) => new(new Status
    {
        StatusValue = "Failure",
        Message = message,
        Code = 500,
    });
}
