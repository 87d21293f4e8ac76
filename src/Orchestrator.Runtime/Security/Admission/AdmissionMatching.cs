using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

internal static class AdmissionMatching
{
    public static bool IsFor(this AdmissionRequest request, string group, string resource, string subresource = "") =>
        request.Resource.Group == group && request.Resource.Resource == resource && request.Subresource == subresource;

    public static bool IsCreate(this AdmissionRequest request) => request.Operation == AdmissionOperation.Create;

    public static bool IsUpdate(this AdmissionRequest request) => request.Operation == AdmissionOperation.Update;

    public static bool IsDelete(this AdmissionRequest request) => request.Operation == AdmissionOperation.Delete;
}
