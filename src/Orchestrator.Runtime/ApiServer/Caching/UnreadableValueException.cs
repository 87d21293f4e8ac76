using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>A value in the store is no object of its resource: somebody else wrote it there, or it was damaged.</summary>
/// <param name="storeKey">The whole key in the store.</param>
/// <param name="revision">At which it was written; who deletes it says so.</param>
internal sealed class UnreadableValueException(GroupResource resource, string storeKey, long revision, Exception cause)
    : Exception($"the value of {storeKey} in the store can not be read as one of {resource}: {cause.Message}", cause)
{
    public GroupResource Resource => resource;

    public string StoreKey => storeKey;

    public long Revision => revision;
}
