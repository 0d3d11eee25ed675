//! What a key or a client reaches: all instances of its workspace or some of them, and the one that is meant where a
//! request names none.

use super::body::{Faults, Fields, Patch};
use super::context::AdminContext;
use super::failure::Failure;
use super::values;
use crate::registry::{CredentialRecord, InstanceId, Kind, Workspace};
use crate::store::Store;

/// The fields of a body that say so; each may be left out, and null takes it away.
pub(super) struct Reach {
    /// The credential's workspace. Without it, where what was sent has a fault, what may be named cannot be judged.
    workspace: Option<Workspace>,
    instances: Patch<Vec<InstanceId>>,
    default_instance: Patch<InstanceId>,
}

impl Reach {
    pub(super) fn take(workspace: Option<Workspace>, fields: &mut Fields<'_>, faults: &mut Faults) -> Self {
        Self {
            workspace,
            instances: fields.nullable("instances", values::instances, faults),
            default_instance: fields.nullable("default_instance", values::instance_id, faults),
        }
    }

    /// Sets what a record reaches. Its default must then be one of its instances.
    ///
    /// # Errors
    /// Where the registry cannot be read.
    pub(super) fn set<S: Store>(
        self,
        record: &mut CredentialRecord,
        context: &AdminContext<'_, S>,
        faults: &mut Faults,
    ) -> Result<(), Failure> {
        self.check(context, faults)?;
        record.instances = self.instances.over(record.instances.take());
        record.default_instance = self.default_instance.over(record.default_instance.take());
        if let (Some(instances), Some(default)) = (&record.instances, &record.default_instance)
            && !instances.contains(default)
        {
            faults.add("default_instance", "must be one of instances");
        }
        Ok(())
    }

    /// Every instance that is named now must be there and of the credential's workspace: a key for another one would
    /// never open anything, and an id that someone takes later would be opened by a key that was not made for it.
    fn check<S: Store>(&self, context: &AdminContext<'_, S>, faults: &mut Faults) -> Result<(), Failure> {
        let Some(workspace) = &self.workspace else { return Ok(()) };
        let listed = self.instances.value().into_iter().flatten().map(|id| ("instances", id));
        let default = self.default_instance.value().map(|id| ("default_instance", id));
        for (field, id) in listed.chain(default) {
            let row = context.store.row(Kind::Instance, id)?;
            if row.is_none_or(|row| row.workspace != **workspace || row.status == "deleted") {
                faults.add(field, format!("must name instances of the workspace {workspace}; {id} is none"));
            }
        }
        Ok(())
    }
}
